"""Store what the package parallel_wavegan, and upstream with it, compute for the vocoders of `test/vocoder_files.py`,
under `test/golden/`.

Run it with the Python of an environment that holds both, from the repository's root:

    ORACLE/bin/python tools/make_vocoder_golden.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import upstream_names  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "test"))

import parallel_wavegan.models  # noqa: E402
import vocoder_files  # noqa: E402
from parallel_wavegan.utils import load_model  # noqa: E402

from espnet2.bin import tts2_inference, tts_inference  # noqa: E402

SPOKEN = ("melgan", "multi-band", "parallel_wavegan", "style_melgan", "units")  # of texts


def written(kind: str, directory: Path, statistics: bool) -> Path:
    """The checkpoint of a vocoder."""
    generator_type, params, _ = vocoder_files.KINDS[kind]
    generator = getattr(parallel_wavegan.models, generator_type)(**params)
    return vocoder_files.write(directory, generator, statistics, kind)


def samples(kind: str, statistics: bool) -> np.ndarray:
    """Samples (N,) of what `vocoder_files.read_by` gives."""
    with tempfile.TemporaryDirectory() as directory:
        model = load_model(str(written(kind, Path(directory), statistics))).eval()
        torch.manual_seed(0)
        with torch.no_grad():
            return model.inference(vocoder_files.read_by(kind), normalize_before=statistics)[:, 0].numpy()


def _seed(*_: object) -> None:
    torch.manual_seed(0)


def spoken(kind: str) -> np.ndarray:
    """Samples (N,) of a text, by upstream's synthesiser with the vocoder."""
    of_units = kind == "units"
    row = vocoder_files.TTS2 if of_units else vocoder_files.TTS
    with tempfile.TemporaryDirectory() as directory:
        files = vocoder_files.write_synthesiser(Path(directory), row)
        path = Path(directory) / "vocoder"
        path.mkdir()
        files["vocoder_file"] = written(kind, path, statistics=not of_units)
        command = tts2_inference if of_units else tts_inference
        text2speech = command.Text2Speech(**{name: str(path) for name, path in files.items()})
        # Behind the synthesiser, whose layers draw random numbers for nothing.
        text2speech.vocoder.register_forward_pre_hook(_seed)
        return text2speech(vocoder_files.TEXT)["wav"].numpy()


def main() -> None:
    torch.set_num_threads(1)
    directory = ROOT / "test" / "golden" / "vocoder"
    directory.mkdir(exist_ok=True)
    for kind in vocoder_files.KINDS:
        of_units = kind.startswith("units")
        arrays = (
            {"plain": samples(kind, False)}
            if of_units
            else {name: samples(kind, statistics) for name, statistics in (("plain", False), ("normalised", True))}
        )
        if kind in SPOKEN:
            arrays["spoken"] = spoken(kind)
        np.savez_compressed(directory / f"{kind}.npz", **arrays)
        print(kind, {name: (value.shape, float(np.abs(value).max())) for name, value in arrays.items()})


if __name__ == "__main__":
    main()
