"""Arrays from strangers: nothing is unpickled, and no declared size is believed."""

import io
import zipfile

import numpy as np
import pytest

from espnet2.fileio.arrays import array_of, read_array, read_arrays
from espnet2.interface.errors import DataError

pytestmark = pytest.mark.usefixtures("within_bounds")


def npy(header, version=(1, 0), data=b""):
    head = header.encode("latin1")
    size = len(head).to_bytes(2 if version == (1, 0) else 4, "little")
    return b"\x93NUMPY" + bytes(version) + size + head + data


def npz(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def shaped(shape, dtype="<f8", data=b""):
    return npy(f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}\n", data=data)


def _objects():
    file = io.BytesIO()
    np.save(file, np.array([print], dtype=object), allow_pickle=True)
    return file.getvalue()


HOSTILE = {
    "10**12 numbers": (shaped("(1000000000000,)"), "of shape (1000000000000,), in 0 bytes"),
    "10**30 numbers": (shaped(f"({10**30},)"), "an array that claims to be of shape"),
    "fewer than none": (shaped("(-1,)"), "of shape (-1,)"),
    "no bytes": (shaped("(1000000000000,)", "V0"), "and no numbers"),
    "objects": (_objects(), "an array of object, and no numbers"),
    "strings": (shaped("(1,)", "<U4", bytes(16)), "and no numbers"),
    "a call": (npy("print(1)\n"), "found: "),
    "an open bracket": (npy("{'descr': (\n"), "found: "),
    "depth": (npy("(" * 9000), "found: "),
    "another version": (npy("{}", (9, 0)), "found: "),
    "half a header": (shaped("(3,)")[:20], "found: "),
    "nothing": (b"", "found: "),
    "text": (b"count sum", "found: "),
    "half an archive": (npz(a=shaped("(1,)", data=bytes(8)))[:60], "found: "),
    "an archive of others": (npz(a=b"hello"), "found: "),
    "an archive of a shape": (npz(a=shaped("(1000000000000,)")), "of shape (1000000000000,), in 0 bytes"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_hostile_arrays(tmp_path, name):
    content, found = HOSTILE[name]
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError) as error:
        read_arrays(tmp_path / "x", "statistics", DataError)
    assert str(error.value).startswith(f"{tmp_path / 'x'}: expected statistics, found: ") and found in str(error.value)


def test_an_archive_that_grows(tmp_path, monkeypatch):
    monkeypatch.setenv("ESPNET_EXPANDED_BYTES", "1000000")
    (tmp_path / "x").write_bytes(npz(a=shaped("(2000000,)", "|u1", bytes(2_000_000))))
    with pytest.raises(DataError, match="whose arrays claim to have 2000"):
        read_arrays(tmp_path / "x", "statistics", DataError)


@pytest.mark.parametrize("dtype", ["float32", "<f8", ">i4", "bool", "complex64", "float16"])
@pytest.mark.parametrize("shape", [(), (0,), (3, 4), (0, 10**9)])
def test_what_numpy_writes_is_read(tmp_path, dtype, shape):
    array = np.zeros(shape, dtype)
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", one=array, other=array.T)
    found = read_array(tmp_path / "a.npy", "an array", DataError)
    assert (found.dtype, found.shape) == (array.dtype, shape)
    assert array_of((tmp_path / "a.npy").read_bytes()).shape == shape
    arrays = read_arrays(tmp_path / "a.npz", "arrays", DataError)
    assert list(arrays) == ["one", "other"] and arrays["other"].shape == shape[::-1]
    with pytest.raises(DataError, match="expected an array, found an archive of arrays"):
        read_array(tmp_path / "a.npz", "an array", DataError)
