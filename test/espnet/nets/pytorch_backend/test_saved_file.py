"""Checkpoints from strangers: each is loaded, or refused in one sentence, quickly, and with little memory."""

import io
import random
import zipfile
from collections import OrderedDict

import pytest
import torch

from espnet2.interface.errors import CheckpointError
from espnet2.torch_utils.checkpoint import load_checkpoint
from espnet2.train.checkpoint_io import read_checkpoint, save

pytestmark = pytest.mark.usefixtures("within_bounds")


class Odd:
    """A class whose code would run."""

    def __reduce__(self):
        return (print, ("x",))


def saved(content, **options):
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def _compressed(content):
    packed = io.BytesIO()
    source = zipfile.ZipFile(io.BytesIO(saved(content)))
    with source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    return packed.getvalue()


def _quantized():
    return torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8)


class Call:
    """A call of a class that PyTorch's safe reader knows."""

    def __init__(self, called, *arguments):
        self.called, self.arguments = called, arguments

    def __reduce__(self):
        return self.called, self.arguments


def _pickled(operations):
    """A file of `torch.save` whose content is made of these operations."""
    content = saved({"w": torch.ones(1)})
    packed = io.BytesIO()
    source = zipfile.ZipFile(io.BytesIO(content))
    with source, zipfile.ZipFile(packed, "w") as target:
        for name in source.namelist():
            target.writestr(name, operations if name.endswith("data.pkl") else source.read(name))
    return packed.getvalue()


DOUBLED = b"\x80\x02}q\x00K\x01" + b"".join(b"q\x01h\x01\x86" for _ in range(60)) + b"K\x02s."
OF_LIST = (
    b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n](c__builtin__\nbytearray\nctorch\nTensor\n(J\xff\xff\xff\x7ft}eR."
)
HOSTILE = {
    "a key of 2**60 values": (lambda: _pickled(DOUBLED), "found a tuple of more than 4096 values, with those that it"),
    "such a key, old format": (lambda: DOUBLED, "found a tuple of more than 4096 values, with those that it repeats"),
    "many numbers": (lambda: saved({"w": [1] * 1_000_000}), "a pickle of more than 700000 operations"),
    "an array of a size": (lambda: saved({"w": Call(bytearray, 10**10)}), "found a call of __builtin__.bytearray"),
    "an array of a list": (lambda: _pickled(OF_LIST), "found a call of "),
    "a tensor of a size": (lambda: saved({"w": Call(torch.FloatTensor, 10**10)}), "found a call of torch.FloatTensor"),
    "expanded": (lambda: saved({"w": torch.zeros(1).expand(10**12)}), "found 1000000000000 elements in 4 bytes"),
    "expanded, of many axes": (lambda: saved({"w": torch.zeros(1, 1).expand(10**6, 10**6)}), "elements in 4 bytes"),
    "compressed": (lambda: _compressed({"w": torch.zeros(1 << 24)}), "whose parts claim to have"),
    "quantised": (lambda: saved({"w": _quantized()}), "found "),
    "float8": (lambda: saved({"w": torch.ones(4).to(torch.float8_e4m3fn)}), "found numbers of type float8_e4m3fn"),
    "complex": (lambda: saved({"w": torch.ones(4, dtype=torch.complex64)}), "found another kind"),
    "sparse": (lambda: saved({"w": torch.ones(4, 4).to_sparse()}), "found "),
    "meta": (lambda: saved({"w": torch.ones(4, device="meta")}), "found another kind"),
    "nan": (lambda: saved({"w": torch.full((4,), float("nan"))}), "found NaN or infinity"),
    "odd names": (lambda: saved({("a", 1): torch.ones(1)}), "expected names of tensors, found tuple"),
    "terminal": (lambda: saved({"\x1b[2J": 1}), "found int under '\\x1b[2J'"),
    "a class": (lambda: saved({"w": Odd()}), "truncated or damaged, or a plain pickle"),
    "a class, old format": (lambda: saved({"w": Odd()}, _use_new_zipfile_serialization=False), "or a plain pickle"),
    "a list": (lambda: saved([torch.ones(1)]), "found list"),
    "nothing": (lambda: saved({}), "an empty one"),
    "a string": (lambda: b"\x80\x02X\x03\x00\x00\x00abcq\x00.", "found "),
    "an end": (lambda: b"\x80\x02.", "truncated or damaged"),
    "no stack": (lambda: b"\x80\x02tR.", "truncated or damaged"),
    "an index": (lambda: b"\x80\x02h\x05.", "truncated or damaged"),
    "a length": (lambda: b"\x80\x04\x8e" + b"\xff" * 8 + b".", "truncated or damaged"),
    "persistent": (lambda: b"\x80\x02X\x01\x00\x00\x00aQ.", "truncated or damaged"),
    "empty zip": (lambda: b"PK\x05\x06" + bytes(18), "truncated or damaged"),
    "text": (lambda: b"hello", "truncated or damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_hostile_checkpoints(tmp_path, name):
    make, found = HOSTILE[name]
    path = tmp_path / "x.pth"
    path.write_bytes(make())
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    assert str(error.value).startswith(f"{path}: ") and found in str(error.value)
    with pytest.raises(CheckpointError, match="expected a checkpoint of"):
        read_checkpoint(path)


def test_a_device(tmp_path):
    with pytest.raises(CheckpointError, match="/dev/zero: expected a checkpoint, found a device"):
        load_checkpoint("/dev/zero")


def test_more_operations_than_a_checkpoint_has(tmp_path, monkeypatch):
    monkeypatch.setattr("espnet.nets.pytorch_backend.pickle_check.MOST_OPERATIONS", 1000)
    (tmp_path / "x.pth").write_bytes(b"\x80\x02" + b"K\x01" * 1000 + b".")
    with pytest.raises(CheckpointError, match="expected a checkpoint, found a pickle of more than 1000 operations"):
        load_checkpoint(tmp_path / "x.pth")


def test_a_disk_without_room(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as error:
            save({"w": torch.zeros(10_000)}, tmp_path / "x.pth")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.filename == str(tmp_path / "x.pth")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("new", [True, False], ids=["zip", "pickle"])
def test_changed_bytes(tmp_path, new):
    """Whatever a changed byte leads PyTorch's reader to is told in a sentence."""
    content = saved(OrderedDict(a=torch.ones(3, 2), b=torch.zeros(4)), _use_new_zipfile_serialization=new)
    rng, path = random.Random(0), tmp_path / "x.pth"
    outcomes = set()
    for _ in range(200):
        changed = bytearray(content)
        for _ in range(rng.choice((1, 1, 2, 8))):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        path.write_bytes(changed[: rng.choice((None, None, rng.randrange(len(changed))))])
        try:
            outcomes.add(len(load_checkpoint(path)))
        except CheckpointError as error:
            outcomes.add(type(error))
            assert str(error).startswith(f"{path}: ")
    assert CheckpointError in outcomes
