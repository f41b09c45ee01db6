"""Archives of Kaldi: what kaldiio writes is read as kaldiio reads it, and recordings as libsndfile reads them."""

import io

import numpy as np
import pytest
import soundfile

from espnet2.fileio.kaldi_ark import read_ark
from espnet2.fileio.kaldi_scp import KaldiScpReader
from espnet2.interface.errors import AudioError, DataError, EspnetError

MATRIX = np.random.default_rng(0).standard_normal((20, 5)).astype(np.float32)
SAMPLES = np.array([0, 1, -32768, 32767, 5], np.int16)
ARRAYS = {
    "matrix": (MATRIX, {}),
    "matrix of doubles": (MATRIX.astype(np.float64), {}),
    "vector": (MATRIX[0], {}),
    "vector of doubles": (MATRIX[0].astype(np.float64), {}),
    "whole numbers": (np.arange(-3, 4, dtype=np.int32), {}),
    **{f"compressed {method}": (MATRIX, {"compression_method": method}) for method in range(1, 8)},
    "numpy": (MATRIX, {"write_function": "numpy"}),
    "text": (MATRIX, {"text": True}),
    "text of a vector": (MATRIX[0], {"text": True}),
}


@pytest.mark.parametrize(("array", "options"), ARRAYS.values(), ids=ARRAYS)
def test_arrays_are_read_as_kaldiio_reads_them(tmp_path, monkeypatch, array, options):
    kaldiio = pytest.importorskip("kaldiio")
    monkeypatch.chdir(tmp_path)
    kaldiio.save_ark("x.ark", {"a": array, "b": array[:3]}, scp="x.scp", **options)
    reader = KaldiScpReader("x.scp")
    for key in "ab":
        expected = kaldiio.load_mat(reader.data[key])
        assert reader[key].shape == expected.shape
        np.testing.assert_allclose(reader[key], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("part", ["[0:5]", "[0:5,0:2]", "[:,1:2]", "[3]", ""])
def test_ranges_are_kaldis(tmp_path, monkeypatch, part):
    kaldiio = pytest.importorskip("kaldiio")
    monkeypatch.chdir(tmp_path)
    kaldiio.save_ark("x.ark", {"a": MATRIX})
    (tmp_path / "x.scp").write_text(f"a x.ark:2{part}\n")
    np.testing.assert_array_equal(KaldiScpReader("x.scp")["a"], kaldiio.load_mat(f"x.ark:2{part}"))


def recording(form, **options):
    file = io.BytesIO()
    soundfile.write(file, SAMPLES, 8000, format=form, **options)
    return file.getvalue()


def sized(content):
    size = len(content).to_bytes(4, "little").rstrip(b"\0")
    return bytes([len(size)]) + size + content


PIPED = bytearray(recording("WAV"))
PIPED[4:8] = b"\xff\xff\xff\xff"
RECORDINGS = {
    "WAV as it is": (recording("WAV") + b"utt2 RIFF", "float32"),
    "WAV out of a pipe": (bytes(PIPED), "float32"),
    "FLAC in a frame": (b"AUDIO" + sized(recording("FLAC")) + b"utt2 AUDIO", "float32"),
    "FLAC as it is": (recording("FLAC"), "int16"),
    "16 bits": (b"AUDIO" + sized(recording("WAV")), "int16"),
}


@pytest.mark.parametrize(("content", "dtype"), RECORDINGS.values(), ids=RECORDINGS)
def test_recordings_are_samples_of_full_scale_1(content, dtype):
    rate, samples = read_ark(io.BytesIO(content), dtype, "x")
    assert (rate, samples.dtype) == (8000, dtype)
    assert samples.tolist() == (SAMPLES / (2**15 if dtype == "float32" else 1)).tolist()


def test_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.ark").write_bytes(b"utt1 " + recording("WAV"))
    (tmp_path / "x.scp").write_text("a tail -c +6 a.ark |\nb false |\n")
    reader = KaldiScpReader("x.scp")
    assert reader["a"][1].tolist() == (SAMPLES / 2**15).tolist()
    with pytest.raises(EspnetError, match=r"false \|: expected a recording, found exit status 1"):
        reader["b"]


BROKEN = {
    "pickle": (b"PKL\x80\x04K\x01.", "found: a pickled Python object, which could run code and is not read"),
    "cut": (b"\0BFM \4\2\0\0\0\4\2\0\0\0\0\0\0\0", "found: the end of the file, 12 bytes too early"),
    "other type": (b"\0BXX  ", "found: a value of type b'XX  '"),
    "text": (b"what is this", "found: something else"),
    "words": (b" [ one two ]", "found: could not convert"),
    "range": (b" [ 1 2 ]", "found: too many indices"),
    "size of 64 bits": (b"\0BFM \4\xff\xff\xff\xff\4\xff\xff\xff\xff", "found: "),
    "nothing of numpy": (b"NPY\1\0", "found: "),
    "empty": (b"", "found: something else"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_values_that_cannot_be_read(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    content, found = BROKEN[name]
    (tmp_path / "x.ark").write_bytes(content)
    part = "[0:1,0:1]" if name == "range" else ""
    (tmp_path / "x.scp").write_text(f"a x.ark:0{part}\n")
    with pytest.raises(DataError) as error:
        KaldiScpReader("x.scp")["a"]
    assert str(error.value).startswith(f"x.scp: a: expected an array of Kaldi in x.ark:0{part}, ")
    assert found in str(error.value)


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("[:1]", "the range :1, which is not FIRST:LAST"),
        ("[1:]", "the range 1:, which is not FIRST:LAST"),
        ("[0:1:2]", "the range 0:1:2, which is not FIRST:LAST"),
        ("[::]", "the range ::, which is not FIRST:LAST"),
        ("[:,2:1]", "the range 2:1, which is not FIRST:LAST"),
        ("[5:9]", "an array of 3 x 2, which ends before the range"),
        ("[:,2]", "an array of 3 x 2, which ends before the range"),
    ],
)
def test_ranges_that_are_refused(tmp_path, monkeypatch, part, found):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.ark").write_bytes(b" [\n 1 2\n 3 4\n 5 6 ]\n")
    (tmp_path / "x.scp").write_text(f"a x.ark:0{part}\n")
    with pytest.raises(DataError) as error:
        KaldiScpReader("x.scp")["a"]
    assert str(error.value) == f"x.scp: a: expected an array of Kaldi in x.ark:0{part}, found: {found}"


def test_recordings_of_a_list(tmp_path, monkeypatch):
    kaldiio = pytest.importorskip("kaldiio")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.ark").write_bytes(b"RIFF\4\0\0\0WAVE")
    (tmp_path / "y.ark").write_bytes(b"AUDIO" + sized(recording("WAV")))
    (tmp_path / "x.scp").write_text("a x.ark:0\nb y.ark:0[1:2]\n")
    reader = KaldiScpReader("x.scp")
    with pytest.raises(AudioError, match=r"x\.ark:0: expected"):
        reader["a"]
    rate, samples = reader["b"]
    assert (rate, samples.tolist()) == (8000, kaldiio.load_mat("y.ark:0[1:2]")[1].tolist())


def test_a_colon_may_be_part_of_a_path(tmp_path, monkeypatch):
    """As in C:\\data\\utt1.ark, which is read from its start."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "C:one.ark").write_bytes(b" [ 1 2 ]")
    (tmp_path / "x.scp").write_text("a C:one.ark\nb C:one.ark:1\n")
    reader = KaldiScpReader("x.scp")
    assert reader["a"].tolist() == reader["b"].tolist() == [1, 2]


def test_a_cut_wav_file_is_refused():
    with pytest.raises(ValueError, match="2 bytes too early"):
        read_ark(io.BytesIO(recording("WAV")[:-2]), "float32", "x")
