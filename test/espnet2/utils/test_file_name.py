"""Names of utterances that are names of files, and those that lead elsewhere."""

import pytest

from espnet2.utils.file_name import FileNameError, require_file_name, require_member_name

ELSEWHERE = ["", "..", "../a", "a/../../b", "/a", "C:a", "a\\b", "a\0b", "a\nb"]


@pytest.mark.parametrize("name", ["a", "a.b", "..a", ".hidden", "été", "ab:c"])
def test_names_of_files(name):
    require_file_name(name)
    require_member_name(f"id1/{name}")


@pytest.mark.parametrize("name", ELSEWHERE)
def test_names_that_lead_elsewhere(name):
    for require in (require_file_name, require_member_name):
        with pytest.raises(FileNameError, match="--output_dir: expected a name"):
            require(name)


@pytest.mark.parametrize("name", ["a/b", "x" * 241])
def test_names_that_only_an_archive_can_hold(name):
    require_member_name(name)
    with pytest.raises(FileNameError):
        require_file_name(name)
