"""Store attention weights that upstream ESPnet computes for tiny models, under `test/golden/attention`.

Run it with the Python of an environment that holds upstream ESPnet (and not this project), from the repository's root:

    ORACLE/bin/python tools/make_attention_golden.py

The models are those of `test/attention_tables.py`. A file holds `index.module` for each module and utterance.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import upstream_names  # noqa: F401 - before its directory leaves the path

ROOT = Path(__file__).resolve().parents[1]
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
sys.path.append(str(ROOT / "test"))

import attention_tables  # noqa: E402

from espnet2.main_funcs.calculate_all_attentions import calculate_all_attentions  # noqa: E402


def main() -> None:
    torch.set_num_threads(1)
    attention_tables.GOLDEN.mkdir(exist_ok=True)
    for name, row in attention_tables.ROWS.items():
        with tempfile.TemporaryDirectory() as directory:
            model = attention_tables.model_of(row, Path(directory))
        weights = calculate_all_attentions(model, attention_tables.batch_of(row))
        arrays = {f"{index}.{key}": value.numpy() for key, rows in weights.items() for index, value in enumerate(rows)}
        np.savez_compressed(attention_tables.GOLDEN / f"{name}.npz", **arrays)
        print(f"{name:20s} {len(weights)} modules, {sum(array.size for array in arrays.values())} weights")


if __name__ == "__main__":
    main()
