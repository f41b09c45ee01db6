"""Store what the package parallel_wavegan computes for the vocoder of `test/vocoder_files.py`, under `test/golden/`.

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

import vocoder_files  # noqa: E402
from parallel_wavegan.models import HiFiGANGenerator  # noqa: E402
from parallel_wavegan.utils import load_model  # noqa: E402


def main() -> None:
    arrays = {}
    for name, statistics in (("plain", False), ("normalised", True)):
        with tempfile.TemporaryDirectory() as directory:
            generator = HiFiGANGenerator(**vocoder_files.PARAMS)
            model = load_model(str(vocoder_files.write(Path(directory), generator, statistics)))
            with torch.no_grad():
                feats = torch.from_numpy(vocoder_files.FEATS)
                arrays[name] = model.inference(feats, normalize_before=statistics)[:, 0].numpy()
    path = ROOT / "test" / "golden" / "vocoder" / "hifigan.npz"
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **arrays)
    print({name: (value.shape, float(np.abs(value).max())) for name, value in arrays.items()})


if __name__ == "__main__":
    main()
