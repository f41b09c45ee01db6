"""Values of data sets are upstream's, and what cannot be read is said in a sentence."""

import json

import data_cases
import numpy as np
import pytest
import soundfile

from espnet2.interface.errors import DataError, EspnetError, OptionError
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.train.dataset import DATA_TYPES, ESPnetDataset


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data_cases.write_data()
    return tmp_path


@pytest.fixture
def golden(repo_dir):
    return json.loads((repo_dir / "test" / "golden" / "data" / "values.json").read_text())


@pytest.mark.parametrize(("path", "kind"), data_cases.FILES.items())
def test_values_and_batches_are_upstreams(work, golden, path, kind):
    dataset = ESPnetDataset([(path, "value", kind)])
    items = [dataset[name] for name in dataset]
    assert_same({name: data_cases.plain(item["value"]) for name, item in items}, golden[path])
    _, batch = CommonCollateFn(float_pad_value=0.5, int_pad_value=-1)(items)
    assert_same({name: data_cases.plain(tensor.numpy()) for name, tensor in batch.items()}, golden[f"{path} batch"])


def assert_same(found, expected):
    """Numbers are the same, and NaN is where NaN is expected."""
    assert json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


def test_every_type_is_compared_with_upstream():
    elsewhere = {"text", "rand_float", "hdf5", "rttm"}  # of test_preprocessor, test_scripts, test_writers
    assert {*data_cases.FILES.values(), *elsewhere} == set(DATA_TYPES)


def test_several_files(work):
    (work / "text").write_text("b x y\na z\nc w\nd more\n")
    files = [("wav.scp", "speech", "sound"), ("text", "text", "text")]
    dataset = ESPnetDataset(files, preprocess=lambda uid, data: data | {"text": np.array([len(data["text"])])})
    assert list(dataset) == ["a", "b", "c"]
    assert len(dataset) == 3
    assert dataset.names() == ("speech", "text")
    assert dataset.has_name("text")
    assert not dataset.has_name("spk")
    assert "a" in dataset
    assert "d" not in dataset
    assert dataset["b"][1]["text"] == [3]
    assert repr(dataset) == "ESPnetDataset(wav.scp, text)"


def test_dtypes(work):
    files = [("wav.scp", "speech", "sound"), ("text_int", "number", "text_int")]
    _, data = ESPnetDataset(files, float_dtype="float64", int_dtype="int32")["a"]
    assert (data["speech"].dtype, data["number"].dtype) == (np.float64, np.int32)


def test_segments_of_recordings_and_of_commands(work):
    samples = np.arange(8000) / 2**15
    soundfile.write("long.wav", samples, 8000, subtype="PCM_16")
    (work / "data").mkdir()
    (work / "data" / "wav.scp").write_text("r1 long.wav\nr2 cat long.wav |\n")
    (work / "data" / "segments").write_text("s1 r1 0.25 0.5\ns2 r2 0.25 0.5\ns3 r1 0.9 -1\ns4 r2 0 9\n")
    dataset = ESPnetDataset([("data/wav.scp", "speech", "sound")])
    found = {name: dataset[name][1]["speech"] * 2**15 for name in dataset}
    np.testing.assert_array_equal(found["s1"], np.arange(2000, 4000))
    np.testing.assert_array_equal(found["s2"], found["s1"])
    np.testing.assert_array_equal(found["s3"], np.arange(7200, 8000))
    assert len(found["s4"]) == 8000


def test_several_rates(work):
    soundfile.write("fast.wav", np.zeros(10), 16000)
    (work / "list").write_text("a a.wav\nfast fast.wav\n")
    dataset = ESPnetDataset([("list", "speech", "sound")])
    assert len(dataset["a"][1]["speech"])
    with pytest.raises(DataError, match="list: fast: expected 8000 Hz, as the others have, found 16000 Hz"):
        dataset["fast"]
    allowed = ESPnetDataset([("list", "speech", "sound")], allow_multi_rates=True)
    assert [len(allowed[name][1]["speech"]) for name in ("a", "fast")] == [10, 10]


BROKEN_FILES = {
    "missing list": ([("none", "x", "sound")], "none: expected a text file in UTF-8, found No such file or directory"),
    "empty list": ([("nothing", "x", "sound")], "nothing: expected at least one utterance, found none"),
    "no path": ([("keys", "x", "sound")], "keys: b: expected the path of a recording, or a command, found nothing"),
    "empty text": ([("keys", "x", "text")], "keys: b: expected a text, found nothing"),
    "other utterances": (
        [("wav.scp", "x", "sound"), ("keys2", "y", "text_int")],
        "keys2: expected all utterances of wav.scp, found none for b, c",
    ),
    "broken numbers": (
        [("text_float", "x", "text_int")],
        "text_float, line 1: expected int numbers separated by spaces after a, found '1.5 2'",
    ),
    "type": (
        [("text", "x", "hdf6")],
        "text: expected a type of sound, multi_columns_sound, kaldi_ark, npy, text_int, csv_int, text_float, "
        "csv_float, text, variable_columns_sound, hdf5, rttm, rand_float, found 'hdf6'",
    ),
    "same name": (
        [("text_int", "x", "text_int"), ("text_int", "x", "text_int")],
        "data_path_and_name_and_type: expected each name once, found 'x' again",
    ),
    "no file": ([], "data_path_and_name_and_type: expected at least one file, found none"),
    "segment without recording": (
        [("lost/wav.scp", "x", "sound")],
        "lost/wav.scp: expected all utterances of lost/segments, found none for r2",
    ),
    "segment backwards": (
        [("back/wav.scp", "x", "sound")],
        "back/segments: s1: expected 0 <= start < end, or an end of -1, found 2 and 1",
    ),
    "segment of words": (
        [("words/wav.scp", "x", "sound")],
        "words/segments: s1: expected 'recording start end' in seconds, found 'r1 a b'",
    ),
}


@pytest.mark.parametrize(("files", "sentence"), BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_files_that_cannot_be_used(work, files, sentence):
    for name, content in {"nothing": "", "keys": "a x\nb\n", "keys2": "a 1\n"}.items():
        (work / name).write_text(content)
    for name, segments in {"lost": "s1 r2 0 1\n", "back": "s1 r1 2 1\n", "words": "s1 r1 a b\n"}.items():
        (work / name).mkdir()
        (work / name / "wav.scp").write_text("r1 a.wav\n")
        (work / name / "segments").write_text(segments)
    with pytest.raises(EspnetError) as error:
        ESPnetDataset(files)
    assert str(error.value) == sentence


RECORDING = "expected a recording (WAV, FLAC, Ogg, ...), found "
BROKEN_VALUES = {
    "missing recording": (
        "sound",
        "none.wav",
        f"none.wav: {RECORDING}no such file",
    ),
    "no recording": ("sound", "broken", f"broken: {RECORDING}"),
    "no samples": ("sound", "empty.wav", "list: a: expected samples in empty.wav, found none"),
    "not finite": ("sound", "nan.wav", "list: a: expected finite samples, found NaN or infinity"),
    "failing command": ("sound", "echo why >&2; exit 3 |", "exit 3 |: expected a recording, found exit status 3 (why)"),
    "command that writes text": (
        "sound",
        "echo text |",
        f"echo text |: {RECORDING}",
    ),
    "other column": (
        "multi_columns_sound",
        "a.wav b.flac",
        "b.flac: expected 10 samples at 8000 Hz, as a.wav has, found 8 at 8000 Hz",
    ),
    "empty column": ("multi_columns_sound", "empty.wav", "empty.wav: expected samples, found none"),
    "missing array": (
        "npy",
        "none.npy",
        "none.npy: expected an array in a .npy file, found: No such file or directory",
    ),
    "no array": ("npy", "broken", "broken: expected an array in a .npy file, found: "),
    "archive": ("npy", "z.npz", "z.npz: expected an array in a .npy file, found an archive of arrays"),
    "text": ("text", "a text", "list: expected numbers after preprocessing x, found a str"),
}


@pytest.mark.parametrize(("kind", "value", "sentence"), BROKEN_VALUES.values(), ids=BROKEN_VALUES)
def test_values_that_cannot_be_used(work, kind, value, sentence):
    (work / "broken").write_bytes(b"abc")
    np.savez("z.npz", x=np.zeros(2))
    soundfile.write("empty.wav", np.zeros(0), 8000)
    soundfile.write("nan.wav", np.array([0, np.nan]), 8000, subtype="FLOAT")
    (work / "list").write_text(f"a {value}\n")
    with pytest.raises(EspnetError) as error:
        ESPnetDataset([("list", "x", kind)])["a"]
    assert sentence in str(error.value)


def test_arrays_of_kaldi_that_cannot_be_read(work):
    (work / "list").write_text("a none.ark:5\nb a.npy\n")
    dataset = ESPnetDataset([("list", "x", "kaldi_ark")])
    for name, place in {"a": "none.ark:5", "b": "a.npy"}.items():
        with pytest.raises(DataError, match=f"list: {name}: expected an array of Kaldi in {place}, found: "):
            dataset[name]


def test_unknown_utterances_and_caches_are_refused(work):
    files = [("wav.scp", "speech", "sound")]
    with pytest.raises(DataError, match="expected an utterance of them, found 'z'"):
        ESPnetDataset(files)["z"]
    with pytest.raises(OptionError, match="max_cache_size: expected 0, as there is no cache, found 1"):
        ESPnetDataset(files, max_cache_size=1)


def item(name, **arrays):
    return name, {key: np.array(value) for key, value in arrays.items()}


def test_names_that_are_no_sequences_have_no_lengths():
    collate = CommonCollateFn(not_sequence=["x"])
    _, batch = collate([item("a", x=[1, 2]), item("b", x=[3])])
    assert list(batch) == ["x"]
    assert batch["x"].tolist() == [[1, 2], [3, -32768]]
    assert repr(collate) == "CommonCollateFn(float_pad_value=0.0, int_pad_value=-32768, not_sequence=['x'])"


@pytest.mark.parametrize(
    ("items", "sentence"),
    [
        ([item("a", x=[1]), item("b", y=[1])], "b: expected x, found y"),
        ([item("a", x_lengths=[1])], "x_lengths: expected a name that ends otherwise, found _lengths"),
        (
            [item("a", x=[[1]]), item("b", x=[[1, 2]])],
            "b: expected x to differ from that of a, (1, 1), in length only, found (1, 2)",
        ),
    ],
)
def test_items_that_are_no_batch(items, sentence):
    with pytest.raises(DataError) as error:
        CommonCollateFn()(items)
    assert sentence in str(error.value)
