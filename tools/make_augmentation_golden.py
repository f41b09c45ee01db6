"""Store the output of upstream's audio effects for a short signal, under `test/golden/augmentation/`.

    ORACLE/bin/python tools/make_augmentation_golden.py

Run it as `tools/make_golden.py` is run, from the repository's root.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
sys.path.append(str(ROOT / "test"))

from augmentation_cases import CASES, DRAWN, FS, SEEDS, signal  # noqa: E402

from espnet2.layers.augmentation import DataAugmentation, effects_dict  # noqa: E402


def main() -> None:
    torch.set_num_threads(1)
    arrays = {}
    for name, effect, options in CASES:
        torch.manual_seed(0)
        arrays[name] = effects_dict[effect](torch.from_numpy(signal()), FS, **options).numpy()
    for seed in SEEDS:
        random.seed(seed)
        np.random.seed(seed)
        arrays[f"drawn{seed}"] = DataAugmentation(DRAWN, [1, 3])(torch.from_numpy(signal()), FS)
    np.savez_compressed(ROOT / "test" / "golden" / "augmentation" / "effects.npz", **arrays)


if __name__ == "__main__":
    main()
