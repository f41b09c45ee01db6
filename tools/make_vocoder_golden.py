"""Store what the package parallel_wavegan computes for the vocoders of `test/vocoder_files.py`, under `test/golden/`.

Run it with the Python of an environment that holds that package, from the repository's root:

    ORACLE/bin/python tools/make_vocoder_golden.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import scipy.signal
import scipy.signal.windows
import torch

scipy.signal.kaiser = scipy.signal.windows.kaiser  # the package imports it from where it was in older releases

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "test"))

import parallel_wavegan.models  # noqa: E402
import vocoder_files  # noqa: E402
from parallel_wavegan.utils import load_model  # noqa: E402


def samples(kind: str, statistics: bool) -> np.ndarray:
    """Samples (N,) of the drawn features."""
    generator_type, params, _ = vocoder_files.KINDS[kind]
    with tempfile.TemporaryDirectory() as directory:
        generator = getattr(parallel_wavegan.models, generator_type)(**params)
        model = load_model(str(vocoder_files.write(Path(directory), generator, statistics, kind))).eval()
        torch.manual_seed(0)
        with torch.no_grad():
            feats = torch.from_numpy(vocoder_files.FEATS)
            return model.inference(feats, normalize_before=statistics)[:, 0].numpy()


def main() -> None:
    directory = ROOT / "test" / "golden" / "vocoder"
    directory.mkdir(exist_ok=True)
    for kind in vocoder_files.KINDS:
        arrays = {name: samples(kind, statistics) for name, statistics in (("plain", False), ("normalised", True))}
        np.savez_compressed(directory / f"{kind}.npz", **arrays)
        print(kind, {name: (value.shape, float(np.abs(value).max())) for name, value in arrays.items()})


if __name__ == "__main__":
    main()
