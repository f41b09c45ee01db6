"""Readers and writers of upstream's: what is written comes back, and what cannot be read is said."""

import json

import numpy as np
import pytest
import soundfile

from espnet2.fileio.datadir_writer import DatadirWriter
from espnet2.fileio.multi_sound_scp import MultiSoundScpReader
from espnet2.fileio.npy_scp import NpyScpReader, NpyScpWriter
from espnet2.fileio.rand_gen_dataset import FloatRandomGenerateDataset, IntRandomGenerateDataset
from espnet2.fileio.read_text import read_label, read_multi_columns_text
from espnet2.fileio.readers import open_reader
from espnet2.fileio.rttm import RttmReader, load_rttm_text
from espnet2.fileio.score_scp import NOTE, SingingScoreReader, SingingScoreWriter
from espnet2.fileio.sound_scp import SoundScpReader, SoundScpWriter, soundfile_read
from espnet2.fileio.vad_scp import VADScpReader, VADScpWriter
from espnet2.interface.errors import AudioError, DataError, EspnetError

PCM = np.arange(-4, 4, dtype=np.int16)


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "value", "files"),
    [
        ({}, (8000, PCM), ["a.wav"]),
        ({}, (PCM, 8000), ["a.wav"]),
        ({"format": "flac"}, (8000, PCM), ["a.flac"]),
        ({}, (8000, np.stack([PCM, PCM[::-1]], 1)), ["a.wav"]),
        ({"multi_columns": True}, (8000, np.stack([PCM, PCM[::-1]], 1)), ["a-CH0.wav", "a-CH1.wav"]),
        ({"multi_columns": True}, (8000, PCM), ["a.wav"]),
        ({"output_name_format": "x/{key}.{audio_format}"}, (8000, PCM), ["x/a.wav"]),
    ],
)
def test_recordings_come_back(work, options, value, files):
    with SoundScpWriter("out", "lists/wav.scp", **options) as writer:
        writer["a"] = value
        assert len((work / "lists" / "wav.scp").read_text().splitlines()) == 1
    paths = [f"out/{file}" for file in files]
    assert (work / "lists" / "wav.scp").read_text() == f"a {' '.join(paths)}\n"
    assert writer.get_path("a") == (paths[0] if len(paths) == 1 else paths)
    several = options.get("multi_columns", False)
    rate, samples = SoundScpReader("lists/wav.scp", "int16", multi_columns=several)["a"]
    np.testing.assert_array_equal(samples, next(item for item in value if isinstance(item, np.ndarray)))
    assert rate == 8000


def test_encodings_of_recordings():
    with SoundScpWriter("out", "wav.scp", subtype="FLOAT") as writer:
        writer["a"] = 8000, np.array([0.1, 2.5])
    samples, rate, subtypes = soundfile_read("out/a.wav", return_subtype=True)
    assert (samples.dtype, rate, subtypes) == (np.float64, 8000, ["FLOAT"])
    np.testing.assert_allclose(samples, [0.1, 2.5], rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ((8000, np.zeros((2, 1, 1))), AudioError),
        ((8000, PCM, None), ValueError),
        ((None, None), TypeError),
        ((8000.0, PCM), TypeError),
    ],
)
def test_values_that_are_no_recordings(value, error):
    with SoundScpWriter("out", "wav.scp") as writer, pytest.raises(error, match="a: expected"):
        writer["a"] = value


def test_parts_and_joints_of_recordings():
    soundfile.write("a.wav", PCM, 8000)
    soundfile.write("b.wav", PCM[::-1], 8000)
    soundfile.write("c.wav", PCM[:3], 8000)
    assert soundfile_read("a.wav", "int16", start=2, end=5)[0].tolist() == PCM[2:5].tolist()
    assert soundfile_read("a.wav", "int16", always_2d=True)[0].shape == (8, 1)
    assert soundfile_read(["a.wav", "b.wav"], "int16")[0].tolist() == np.stack([PCM, PCM[::-1]], 1).tolist()
    assert soundfile_read(["a.wav", "c.wav"], "int16", concat_axis=0)[0].tolist() == [*PCM, *PCM[:3]]
    with pytest.raises(RuntimeError, match=r"c\.wav: expected 8 samples at 8000 Hz, as a\.wav has, found 3 at 8000 Hz"):
        soundfile_read(["a.wav", "c.wav"])


def test_recordings_of_several_lengths():
    soundfile.write("a.wav", PCM, 8000)
    soundfile.write("c.wav", PCM[:3], 8000)
    soundfile.write("two.wav", np.stack([PCM, PCM], 1), 8000)
    with open("list", "w") as file:
        file.write("x a.wav\ny a.wav c.wav\nz a.wav two.wav\n")
    reader = MultiSoundScpReader("list", "int16", pad=-1)
    assert reader["x"][1].tolist() == [PCM.tolist()]
    assert reader["y"][1].tolist() == [PCM.tolist(), [*PCM[:3], -1, -1, -1, -1, -1]]
    assert MultiSoundScpReader("list", always_2d=True)["y"][1].shape == (2, 8, 1)
    assert MultiSoundScpReader("list", "int16", always_2d=True, stack_axis=1)["x"][1].shape == (8, 1, 1)
    assert np.isnan(MultiSoundScpReader("list", "float32")["y"][1][1, 3:]).all()
    assert reader.get_path("y") == ["a.wav", "c.wav"]
    with pytest.raises(AudioError, match=r"two\.wav: expected 1 channels at 8000 Hz, as a\.wav has, found 2 channels"):
        reader["z"]


def test_arrays_come_back():
    with NpyScpWriter("out", "feats.scp") as writer:
        writer["a"] = np.eye(2)
        with pytest.raises(TypeError, match="b: expected an array, found list"):
            writer["b"] = [1]
    assert writer.get_path("a") == "out/a.npy"
    np.testing.assert_array_equal(NpyScpReader("feats.scp")["a"], np.eye(2))


def test_a_list_without_lines(work):
    NpyScpWriter("out", "feats.scp").close()
    assert (work / "feats.scp").read_text() == ""


def test_scores_come_back():
    score = {"tempo": 100, "item_list": ["st", "et", "lyric"], "note": [[0.0, 1.0, "あ"]]}
    with SingingScoreWriter("out", "score.scp") as writer:
        writer["a"] = score
    assert SingingScoreReader("score.scp")["a"] == score
    assert writer.get_path("a") == "out/a.json"
    assert NOTE("a", 60, 0.0, 1.5) == NOTE(lyric="a", midi=60, st=0.0, et=1.5)


def test_speech_spans_come_back(work):
    spans = [(0.0, 1.2), (3.0, 4.5)]
    with VADScpWriter("vad.scp") as writer:
        writer["a"] = spans
        writer["b"] = spans[:1]
    assert (work / "vad.scp").read_text() == "a 0.0000:1.2000 3.0000:4.5000\nb 0.0000:1.2000\n"
    reader = VADScpReader("vad.scp")
    assert dict(reader) == {"a": spans, "b": spans[:1]}


RTTM = """SPEAKER m 1 0 2 <NA> <NA> z <NA>
SPEAKER m 1 1 2 <NA> <NA> a <NA>
SPEAKER m 1 4 9 <NA> <NA> z <NA>
END m <NA> <NA> 6 <NA> <NA> <NA> <NA>
"""


def test_who_speaks_when(work):
    (work / "rttm").write_text(RTTM)
    assert load_rttm_text("rttm") == {"m": (["z", "a"], [("z", 0, 2), ("a", 1, 2), ("z", 4, 9)], 6)}
    reader = RttmReader("rttm")
    assert reader["m"].T.tolist() == [[1, 1, 1, 0, 1, 1], [0, 1, 1, 0, 0, 0]]
    assert (list(reader), len(reader), "m" in reader, "z" in reader) == (["m"], 1, True, False)


def test_columns_and_labels(work):
    (work / "file").write_text("a 0  1 x 1 2 y\nb\n")
    columns = {"a": ["0", "1", "x", "1", "2", "y"], "b": [""]}
    assert read_multi_columns_text("file") == (columns, None)
    assert read_multi_columns_text("file", return_unsplit=True) == (columns, {"a": "0  1 x 1 2 y", "b": ""})
    assert read_label("file") == {"a": [["0", "1", "x"], ["1", "2", "y"]], "b": []}


def test_random_arrays(work):
    (work / "shapes").write_text("a 1000\nb 3,2\n")
    numbers = FloatRandomGenerateDataset("shapes")
    assert (numbers["b"].shape, numbers["b"].dtype, list(numbers)) == ((3, 2), np.float32, ["a", "b"])
    assert abs(numbers["a"].mean()) < 0.2 and 0.8 < numbers["a"].std() < 1.2
    integers = IntRandomGenerateDataset("shapes", 3, 6)
    assert (set(integers["a"]), integers["a"].dtype) == ({3, 4, 5}, np.int64)
    assert set(open_reader("shapes", "rand_int_3_6", "float32")["a"]) == {3, 4, 5}
    assert open_reader("shapes", "rand_float", "float32")["b"].shape == (3, 2)


def test_a_list_that_cannot_be_written(work):
    (work / "file").touch()
    with pytest.raises(DataError, match=r"file/feats\.scp: expected a file that can be written, found"):
        NpyScpWriter("out", "file/feats.scp")


BROKEN = {
    "rttm of other lines": (RttmReader, "SPKR m 1 0 2 <NA> <NA> z <NA>", "file, line 1: expected SPEAKER or END"),
    "rttm of other fields": (RttmReader, "SPEAKER m 1 0 2", "file, line 1: expected SPEAKER or END with 9 fields"),
    "rttm of words": (RttmReader, "END m x x x x x x x", "file, line 1: expected SPEAKER or END"),
    "labels": (read_label, "a 0 1 x 2 3", "file: a: expected repeated 'start end label', found 5 words"),
    "spans": (lambda path: VADScpReader(path)["a"], "a 1-2", "file: a: expected start:end in seconds, found '1-2'"),
    "score": (lambda path: SingingScoreReader(path)["a"], "a file", "file: expected a score in JSON, found"),
    "no score": (lambda path: SingingScoreReader(path)["a"], "a list.json", "list.json: expected a score in JSON"),
}


@pytest.mark.parametrize(("read", "text", "sentence"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_read_is_said(work, read, text, sentence):
    (work / "file").write_text(f"{text}\n")
    (work / "list.json").write_text(json.dumps([1]))
    with pytest.raises(EspnetError) as error:
        read("file")
    assert str(error.value).startswith(sentence)
    assert isinstance(error.value, DataError)


def test_tables_get_their_names_together_or_not_at_all(tmp_path, monkeypatch):
    """On a full disk, the last of them cannot be written."""
    with DatadirWriter(tmp_path) as former:
        former["1best_recog"]["text"]["a"] = former["2best_recog"]["text"]["a"] = "former"
    end = DatadirWriter._end

    def fail(table):
        end(table)
        if table.path.parent.name == "2best_recog":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(DatadirWriter, "_end", fail)
    writer = DatadirWriter(tmp_path)
    writer["1best_recog"]["text"]["a"] = writer["2best_recog"]["text"]["a"] = "new"
    with pytest.raises(DataError, match="2best_recog/text: expected room to write it, found: No space left on device"):
        writer.close()
    assert [path.read_text() for path in tmp_path.glob("*/*")] == ["a former\n", "a former\n"]


def test_two_writers_of_a_table(tmp_path):
    with DatadirWriter(tmp_path) as first:
        first["text"]["a"] = "1"
        with pytest.raises(DataError, match="text: expected no other process that writes it, found one"):
            DatadirWriter(tmp_path)["text"]["b"] = "2"
    assert (tmp_path / "text").read_text() == "a 1\n"


@pytest.mark.parametrize("value", ["x\nforged y", "x\rforged y", "x\u2028forged y", "x\x85forged y", "x\x0bforged y"])
def test_a_value_forges_no_line(tmp_path, value):
    with DatadirWriter(tmp_path) as writer:
        writer["text"]["a"] = value
        writer["text"]["b"] = "\x1b[2J\ttab"
    assert (tmp_path / "text").read_text(encoding="utf-8") == "a x forged y\nb \\x1b[2J\ttab\n"


@pytest.mark.parametrize("key", ["../a", "/a", "a/../../b", "a\\b", "a\nb"])
def test_keys_that_lead_out_of_the_directory(tmp_path, key):
    writers = (
        (NpyScpWriter(tmp_path / "npy", tmp_path / "n.scp"), np.zeros(2)),
        (SoundScpWriter(tmp_path / "wav", tmp_path / "w.scp"), (16000, np.zeros(2))),
        (SingingScoreWriter(tmp_path / "json", tmp_path / "j.scp"), {"tempo": 100}),
    )
    for writer, value in writers:
        with writer, pytest.raises(DataError, match="expected a name that stays within"):
            writer[key] = value
