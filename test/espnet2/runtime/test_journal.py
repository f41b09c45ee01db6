"""A journal of results that a later run reads."""

from __future__ import annotations

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


@pytest.mark.parametrize("content", ["text\n", "[]\n", '{"other": 1}\n'])
def test_another_file_is_no_journal(tmp_path, content):
    (tmp_path / "j").write_text(content)
    with pytest.raises(DataError, match="expected results of an earlier run, found another file"):
        Journal(tmp_path / "j", "name")
    assert (tmp_path / "j").read_text() == content
