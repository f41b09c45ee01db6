"""Store losses and gradients that upstream ESPnet computes for the rows of `test/zoo_training.py`, in
`test/golden/training`.

Run it with the Python of an environment that holds upstream ESPnet (and not this project), from the repository's root:

    ORACLE/bin/python tools/make_training_golden.py [row ...]      # all rows by default

Transducers need a module `warprnnt_pytorch` there. Where a model masks tokens at random, every other token is masked.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import upstream_names  # noqa: F401 - before its directory leaves the path

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "test" / "golden" / "training"
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
sys.path.append(str(ROOT / "test"))

import zoo  # noqa: E402
import zoo_data  # noqa: E402
import zoo_training  # noqa: E402
import zoo_training_calls  # noqa: E402


def rounded(value: Any) -> Any:
    """Numbers with eight digits."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.8g}") if isinstance(value, float) else value


def write(name: str, found: Any) -> None:
    (GOLDEN / f"{name}.json").write_text(json.dumps(rounded(found), separators=(",", ":")) + "\n")


def _initialized(row: zoo_data.Row) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as directory:
        return {init: zoo_training_calls.initialized(row, Path(directory), init) for init in zoo_training.INITIALIZERS}


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    importlib.import_module("espnet2.asr.maskctc_model").mask_uniform = zoo_training_calls.mask_alternate
    rows = {row.name: row for row in zoo_training.TRAINED}
    unknown = sorted(set(names) - rows.keys())
    if unknown:
        raise SystemExit(f"unknown rows: {', '.join(unknown)}; known: {', '.join(rows)}")
    GOLDEN.mkdir(exist_ok=True)
    specaug = {name: zoo_training_calls.augmented(*case) for name, case in zoo_training.SPECAUG.items()}
    write("specaug", specaug)
    write(
        "initialized",
        {name: _initialized(rows[name] if name in rows else zoo.ROWS[name]) for name in zoo_training.INITIALIZED},
    )
    for name in names or rows:
        with tempfile.TemporaryDirectory() as directory:
            batches = {
                batch: zoo_training_calls.measured(rows[name], Path(directory), indices)
                for batch, indices in zoo_training.BATCHES.items()
            }
        write(name, batches)
        print(f"{name:40s}", {batch: found["train"]["loss"] for batch, found in batches.items()}, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
