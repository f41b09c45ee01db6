"""Outputs of upstream's modules for single utterances and for ragged batches, before and after the patch.

    PYTHONPATH=BEFORE UPSTREAM/bin/python tools/upstream_patch/prove_outputs.py --write before.npz
    PYTHONPATH=AFTER UPSTREAM/bin/python tools/upstream_patch/prove_outputs.py --compare before.npz

The modules are those of the export matrix, with random weights. Single utterances have to be equal bit by bit; rows
that differ are printed, and the exit status is 1. For ragged batches the largest difference is printed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() not in (ROOT, Path(__file__).resolve().parent)]
sys.path += [str(ROOT / "test"), str(ROOT / "tools" / "bench")]

import export_matrix  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
import zoo  # noqa: E402
import zoo_calls  # noqa: E402
import zoo_data  # noqa: E402

CASES = {"alone, 41 frames": (41,), "alone, 333 frames": (333,), "batch": (131, 87, 65)}


def outputs() -> Iterator[tuple[str, np.ndarray]]:
    """Run every row that the environment can build: names of row, case and output, and the output."""
    for row in zoo.ROWS.values():
        if row.kind not in export_matrix.FORWARD:
            continue
        try:
            with tempfile.TemporaryDirectory() as directory:
                module = export_matrix.Called(zoo_calls.module_for(row, Path(directory)), row.kind)
            found = {case: run(module, row, lengths) for case, lengths in CASES.items()}
        except Exception as error:  # packages that are not installed, calls that only this project has
            print(f"{row.name}: left out, {type(error).__name__}: {error}", file=sys.stderr)
            continue
        for case, values in found.items():
            for index, value in enumerate(values):
                yield f"{row.name}, {case}, output {index}", value.numpy()


def run(module: torch.nn.Module, row: zoo_data.Row, lengths: tuple[int, ...]) -> tuple[torch.Tensor, ...]:
    """Run a module on a batch of utterances; random numbers are those of a seed."""
    torch.manual_seed(0)
    with torch.no_grad():
        return module(*export_matrix.inputs_of(row, lengths).values())


def compare(path: str) -> int:
    """Compare with the outputs in a file; returns the number of single utterances that differ."""
    worse, batches, count = 0, {}, 0
    with np.load(path, allow_pickle=False) as before:
        names = set(before.files)
        for name, value in outputs():
            names.discard(name)
            expected = before[name]
            if ", alone" in name:
                count += 1
                same = expected.shape == value.shape and expected.tobytes() == value.tobytes()
                worse += not same
                print(*([] if same else [f"{name}: differs, {difference(value, expected):.1e}\n"]), end="")
            elif difference(value, expected):
                batches[name] = difference(value, expected)
    print(f"single utterances: {count - worse} of {count} outputs are equal bit by bit")
    print("ragged batches: " + (", ".join(f"{name} {value:.1e}" for name, value in batches.items()) or "all equal"))
    return worse + len(names)


def difference(value: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference; infinity for other shapes."""
    if value.shape != expected.shape:
        return float("inf")
    return float(np.abs(value.astype(np.float64) - expected).max(initial=0))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", help="npz file to write")
    parser.add_argument("--compare", help="npz file of the release without the patch")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    del sys.argv[1:]  # tasks of upstream read the options of the process
    torch.set_num_threads(1)
    if args.write:
        np.savez(args.write, **dict(outputs()))
    return min(1, compare(args.compare)) if args.compare else 0


if __name__ == "__main__":
    raise SystemExit(main())
