"""A data directory of three short recordings."""

from pathlib import Path

import numpy as np
import pytest

RATE = 8000


def write_wav(path: Path, seconds: float, rate: int = RATE, channels: int = 1) -> str:
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(path.name))
    soundfile.write(path, 0.1 * rng.standard_normal((int(seconds * rate), channels)), rate)
    return str(path)


@pytest.fixture
def wav_file():
    return write_wav


@pytest.fixture
def tables(tmp_path):
    """Write tables, given as lines, to `tmp_path/data`."""

    def write(**files: str) -> Path:
        directory = tmp_path / "data"
        directory.mkdir(exist_ok=True)
        for name, lines in files.items():
            path = directory / {"wav": "wav.scp"}.get(name, name)
            path.write_text("".join(f"{line.strip()}\n" for line in lines.strip().split(";")))
        return directory

    return write


@pytest.fixture
def data(tmp_path, tables) -> Path:
    """Three recordings of 0.5, 1 and 1.5 s by two speakers; the last has no text."""
    names = {"a-1": 0.5, "a-2": 1.0, "b-1": 1.5}
    wav = ";".join(f"{name} {write_wav(tmp_path / 'wav' / f'{name}.wav', length)}" for name, length in names.items())
    return tables(wav=wav, text="a-1 one;a-2 two one;b-1", utt2spk="a-1 a;a-2 a;b-1 b")
