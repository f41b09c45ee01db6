"""Changed bytes of files that strangers send, for some seconds: each file is read, or refused in one sentence."""

import io
import random
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet2.fileio.archives import members
from espnet2.fileio.arrays import read_arrays
from espnet2.fileio.audio import read_samples, recording_size
from espnet2.fileio.kaldi_scp import KaldiScpReader
from espnet2.interface.errors import ConfigError, DataError, EspnetError
from espnet2.interface.yaml_document import parse_yaml

pytestmark = pytest.mark.usefixtures("within_bounds")

SECONDS, MOST = 0.4, 500  # of a format, and changes in them at most
WHOLE_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF)


def _recording(kind: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.linspace(-0.5, 0.5, 300, dtype=np.float32), 16000, format=kind)
    return file.getvalue()


def _array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(12.0).reshape(3, 4))
    return file.getvalue()


def _arrays() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, count=3, sum=np.zeros(5), sum_square=np.ones(5))
    return file.getvalue()


def _matrix() -> bytes:
    return b"\0BFM \4\3\0\0\0\4\2\0\0\0" + np.arange(6, dtype="<f4").tobytes()


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("meta.yaml", b"files: {}\n" * 9)
        archive.writestr("exp/model.pth", bytes(100))
    return file.getvalue()


def _tar(mode: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=tarfile.PAX_FORMAT) as archive:
        for name in ("meta.yaml", "exp/" + "n" * 120):
            info = tarfile.TarInfo(name)
            info.size = 50
            archive.addfile(info, io.BytesIO(bytes(50)))
    return file.getvalue()


def _samples(path: Path) -> None:
    recording_size(path)
    read_samples(path, "float32")


def _ark(path: Path) -> None:
    path.with_name("x.scp").write_text(f"a {path}:0\n")
    KaldiScpReader(path.with_name("x.scp"))["a"]


def _unpacked(path: Path) -> None:
    for member in members(path):
        for _ in member.blocks():
            pass


def _statistics(path: Path) -> None:
    read_arrays(path, "statistics", DataError)


def _document(path: Path) -> None:
    parse_yaml(path.read_text(encoding="utf-8", errors="replace"), "x", ConfigError)


YAML = b"encoder: &a {size: 4, rate: 16000}\ndecoder: *a\ntokens: [<blank>, a, 'b', 0x1F, 1.5, yes, 2020-01-01]\n"
FORMATS: dict[str, tuple[bytes, Callable[[Path], None]]] = {
    "wav": (_recording("WAV"), _samples),
    "flac": (_recording("FLAC"), _samples),
    "ogg": (_recording("OGG"), _samples),
    "npy": (_array(), _statistics),
    "npz": (_arrays(), _statistics),
    "ark": (_matrix(), _ark),
    "zip": (_zip(), _unpacked),
    "tar": (_tar("w"), _unpacked),
    "tar.gz": (_tar("w:gz"), _unpacked),
    "yaml": (YAML, _document),
}


@pytest.mark.parametrize("name", FORMATS)
def test_changed_bytes(tmp_path, name):
    content, read = FORMATS[name]
    read(_written(tmp_path, content))
    rng, end = random.Random(name), time.perf_counter() + SECONDS
    for _ in range(MOST):
        if time.perf_counter() > end:
            break
        path = _written(tmp_path, _changed(content, rng))
        started = time.perf_counter()
        try:
            read(path)
        except EspnetError as error:
            assert len(str(error)) <= 400 and "\n" not in str(error)
        assert time.perf_counter() - started < 5


def _written(directory: Path, content: bytes) -> Path:
    path = directory / "x"
    path.write_bytes(content)
    return path


def _changed(content: bytes, rng: random.Random) -> bytes:
    """`content` with some bytes changed, most of them in its header, possibly cut."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        place = rng.randrange(min(len(changed), rng.choice((64, len(changed)))))
        changed[place] = rng.choice((rng.choice(WHOLE_NUMBERS), rng.randrange(256)))
    return bytes(changed[: rng.randrange(len(changed)) if rng.random() < 0.1 else None])
