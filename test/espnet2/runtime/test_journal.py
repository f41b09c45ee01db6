"""A journal of results that a later run reads."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from espnet2.interface.errors import DataError
from espnet2.runtime.journal import Journal


def test_results_are_there_once_in_the_order_that_is_asked_for(tmp_path):
    with Journal(tmp_path / "j", "name") as journal:
        assert journal.add("b", '{"name": "b", "text": "ä"}') and journal.add("a", '{"name": "a"}\n')
        assert not journal.add("b", '{"name": "b", "text": "other"}')
        assert [*journal.entries("abc")] == [{"name": "a"}, {"name": "b", "text": "ä"}]
    assert (tmp_path / "j").read_text(encoding="utf-8") == '{"name": "b", "text": "ä"}\n{"name": "a"}\n'


def test_a_later_run_goes_on_behind_the_last_whole_line(tmp_path):
    (tmp_path / "j").write_text('{"name": "a"}\n{"name": "b", "te')
    with Journal(tmp_path / "j", "name") as journal:
        assert "a" in journal and "b" not in journal and len(journal) == 1
        assert journal.add("b", '{"name": "b"}')
        assert [entry["name"] for entry in journal.entries(["a", "b"])] == ["a", "b"]
    assert (tmp_path / "j").read_text() == '{"name": "a"}\n{"name": "b"}\n'


@pytest.mark.parametrize(
    "content",
    [
        *(b"text\n", b"[]\n", b'{"other": 1}\n', b'{"name": 1}\n', b'{"name": {"name": "a"}}\n', b"\xff\n", b"\n"),
        *(b"[" * 9999 + b"\n", b'{"name": "a"}\nmine', b"mine", b"[1]", b'{"other"', b'\xff\xfe{"name": "a"'),
        b'{"name": "a"}\n{"name": "b", "te\n{"name": "c"}\n',
    ],
    ids=lambda content: repr(content[-20:]),
)
def test_another_file_is_no_journal_and_stays_as_it_is(tmp_path, content):
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(DataError, match="expected results of an earlier run, found another file"):
        Journal(tmp_path / "j", "name")
    assert (tmp_path / "j").read_bytes() == content


def test_lines_that_are_no_results_are_those_of_another_file(tmp_path):
    (tmp_path / "j").write_text('{"name": "a", "text": 1}\n')
    with pytest.raises(DataError, match="found another file"):
        Journal(tmp_path / "j", "name", lambda entry: isinstance(entry["text"], str))


@pytest.mark.parametrize("rest", [b"", b"{", b'{"name": "', b'{"name": "b", "te', b"\0" * 99])
def test_what_a_crash_has_left_of_a_line_is_removed(tmp_path, rest):
    (tmp_path / "j").write_bytes(b'{"name": "a"}\n' + rest)
    with Journal(tmp_path / "j", "name") as journal:
        assert len(journal) == 1
    assert (tmp_path / "j").read_bytes() == b'{"name": "a"}\n'


def test_names_with_halves_of_characters_are_found_again(tmp_path):
    with Journal(tmp_path / "j", "name") as journal:
        journal.add("\udcff", '{"name": "\udcff"}')
    with Journal(tmp_path / "j", "name") as journal:
        assert "\udcff" in journal


def test_a_full_disk_is_told_with_the_file(tmp_path):
    full = Mock(side_effect=OSError(errno.ENOSPC, "No space left on device"))
    expected = "j: expected a file that can be written, found No space left on device"
    with pytest.raises(DataError, match=expected), Journal(tmp_path / "j", "name") as journal:
        journal._file = SimpleNamespace(write=full, flush=full, close=journal._file.close)
        journal.add("a", '{"name": "a"}')
