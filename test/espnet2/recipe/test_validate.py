"""Errors of a data directory name file and line."""

import pytest

from espnet2.interface.errors import DataError
from espnet2.recipe.data_dir import DataDir, combine, spk2utt
from espnet2.recipe.validate import validate_data_dir


def test_a_valid_directory_is_read(data):
    found = validate_data_dir(data)
    assert found.utterances == ["a-1", "a-2", "b-1"]
    assert spk2utt(found.tables["utt2spk"]) == {"a": "a-1 a-2", "b": "b-1"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"text": "a-1 one;a-2 two"}, r"text: expected 'b-1', which is in .*wav.scp, line 3, found no such key"),
        ({"text": "a-1 x;a-2 x;b-1 x;c-1 y"}, r"text, line 4: expected keys of .*wav.scp, found 'c-1'"),
        ({"text": "a-2 x;a-1 x;b-1 x"}, r"text, line 2: expected keys in the order .* found 'a-1' after 'a-2'"),
        ({"text": "a-1 x;a-1 x;b-1 x"}, r"text, line 2: expected each key once, found 'a-1' again"),
        ({"utt2spk": "a-1 a;a-2;b-1 b"}, r"utt2spk, line 2: expected one speaker, found ''"),
        ({"spk2utt": "a a-1;b b-1"}, r"spk2utt, line 1: expected the utterances that utt2spk has of speaker 'a'"),
        ({"spk2utt": "a a-1 a-2"}, r"spk2utt: expected the utterances that utt2spk has of speaker 'b'"),
        ({"wav": "a-1 none.wav;a-2 x |;b-1 x |"}, r"wav.scp, line 1: expected a recording, found no file none.wav"),
        ({"wav": "a-1;a-2 x |;b-1 x |"}, r"wav.scp, line 1: expected a path or a command, found nothing"),
        ({"segments": "a-1 z 0 1;a-2 a-1 0 1;b-1 b-1 0 1"}, r"segments, line 1: expected a recording of .*found 'z'"),
        ({"segments": "a-1 a-1 0 1;a-2 a-2 1 1;b-1 b-1 0 1"}, r"segments, line 2: expected 0 <= start < end"),
        ({"segments": "a-1 a-1 0 1;a-2 a-2 0 -2;b-1 b-1 0 1"}, r"segments, line 2: expected 0 <= start < end"),
        ({"reco2speed": "a-2 fast"}, r"reco2speed, line 1: expected a positive number, found 'fast'"),
        ({"segments": "a-1 a-1 0 1;a-2 a-2 1;b-1 b-1 0 1"}, r"segments, line 2: expected 'utterance recording start"),
    ],
)
def test_what_is_wrong_is_named(data, tables, files, message):
    tables(**files)
    with pytest.raises(DataError, match=message):
        validate_data_dir(data)


@pytest.mark.parametrize("name", ["wav.scp", "text", "utt2spk"])
def test_missing_files_are_named(data, name):
    (data / name).unlink()
    with pytest.raises(DataError, match=f"{name}: expected"):
        validate_data_dir(data)


def test_texts_may_be_left_out(data):
    (data / "text").unlink()
    assert validate_data_dir(data, needs_text=False).utterances == ["a-1", "a-2", "b-1"]


def test_written_directories_are_sorted_and_valid(data, tmp_path):
    found = validate_data_dir(data)
    found.subset(["b-1", "a-1"]).write(tmp_path / "written")
    assert validate_data_dir(tmp_path / "written").utterances == ["a-1", "b-1"]
    assert (tmp_path / "written" / "spk2utt").read_text() == "a a-1\nb b-1\n"


def test_directories_of_different_utterances_are_joined(data):
    whole = DataDir.read(data)
    parts = [whole.subset(["b-1"]), whole.subset(["a-1", "a-2"])]
    assert dict(combine(parts).wav) == dict(whole.wav)
    other = DataDir(data.parent / "other", {"a-1": "x |"}, {})
    with pytest.raises(DataError, match="found 'a-1'"):
        combine([other, whole])
