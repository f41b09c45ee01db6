"""Kaldi-style tables: reading and writing."""

import pytest

from espnet2.fileio.datadir_writer import DatadirWriter
from espnet2.fileio.read_text import found_path, read_2columns_text
from espnet2.interface.errors import DataError


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("a b c\nd e\n", {"a": "b c", "d": "e"}),
        ("a\n", {"a": ""}),
        ("a  b  c \n", {"a": "b  c"}),
        ("a\tb\n", {"a": "b"}),
        (" a b\n", {"a": "b"}),
        ("a 日\u3000x\n", {"a": "日\u3000x"}),
        ("", {}),
    ],
)
def test_two_columns_as_upstream_reads_them(tmp_path, text, table):
    (tmp_path / "text").write_text(text, encoding="utf-8")
    assert read_2columns_text(tmp_path / "text") == table


def test_some_keys(tmp_path):
    (tmp_path / "text").write_text("a b\nc d\n", encoding="utf-8")
    assert read_2columns_text(tmp_path / "text", {"c", "z"}) == {"c": "d"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a b\na c\n", "text, line 2: expected each key once, found 'a' again"),
        (b"a b\n\n", "text, line 2: expected 'key value', found an empty line"),
        (b"a \xff\n", "text: expected a text file in UTF-8, found 'utf-8' codec"),
        (None, "text: expected a text file in UTF-8, found No such file or directory"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "text").write_bytes(content)
    with pytest.raises(DataError) as error:
        read_2columns_text(tmp_path / "text")
    assert sentence in str(error.value)


def test_writing(tmp_path):
    with DatadirWriter(tmp_path / "out") as writer:
        writer["text"]["a"] = "x y"
        best = writer["1best_recog"]
        best["token"]["a"] = "日"
        best["token"]["b"] = ""
        assert not (tmp_path / "out" / "text").exists()
    assert (tmp_path / "out" / "text").read_text(encoding="utf-8") == "a x y\n"
    assert (tmp_path / "out" / "1best_recog" / "token").read_text(encoding="utf-8") == "a 日\nb \n"
    assert not list(tmp_path.rglob("*.partial"))


def test_a_failed_run_leaves_partial_files_only(tmp_path):
    (tmp_path / "text").write_text("a old\n", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt), DatadirWriter(tmp_path) as writer:
        writer["text"]["a"] = "new"
        raise KeyboardInterrupt
    assert (tmp_path / "text").read_text(encoding="utf-8") == "a old\n"
    assert (tmp_path / "text.partial").read_text(encoding="utf-8") == "a new\n"


def test_a_table_is_no_directory(tmp_path):
    writer = DatadirWriter(tmp_path)
    writer["text"]["a"] = "b"
    with pytest.raises(RuntimeError, match="is a table, not a directory"):
        writer["text"]["a"]
    with pytest.raises(RuntimeError, match="is a directory of tables, not a table"):
        writer["a"] = "b"
    writer.close()
    assert (tmp_path / "text").read_text(encoding="utf-8") == "a b\n"


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="expected a file that can be written"):
        DatadirWriter(tmp_path / "file")["text"]["a"] = "b"


def test_a_directory_in_the_place_of_a_table(tmp_path):
    (tmp_path / "out" / "text").mkdir(parents=True)
    with (
        pytest.raises(DataError, match="expected a file that can be replaced"),
        DatadirWriter(tmp_path / "out") as writer,
    ):
        writer["text"]["utt"] = "a"


def test_names_that_are_no_text_are_written_with_escapes(tmp_path):
    with DatadirWriter(tmp_path) as writer:
        writer["text"]["a\udcff"] = "b"
    assert (tmp_path / "text").read_text(encoding="utf-8") == "a\\udcff b\n"


@pytest.mark.parametrize("listed", ["a" * 3000, "none.wav"])
def test_what_is_not_there_is_as_listed(tmp_path, listed):
    assert found_path(listed, tmp_path / "wav.scp") == listed
