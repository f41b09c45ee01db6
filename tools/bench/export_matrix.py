"""Count the rows of the zoo that export with plain `torch.onnx.export` and match PyTorch: upstream's modules, and
these.

    ORACLE/bin/python tools/bench/export_matrix.py --upstream --output upstream.json [row ...]
    python tools/bench/export_matrix.py --output here.json [row ...]
    python tools/bench/export_matrix.py --compare upstream.json here.json

The first runs where upstream ESPnet is installed, instead of this project. A row is right when its graph, traced once
with dynamic batch and time, equals PyTorch within 1e-4 at several lengths, with one utterance and with three of
different length. Upstream's modules are called through `forward`, decoders with known targets; these are exported
component by component, decoders as steps with a cache. Each row runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

ROOT = Path(__file__).resolve().parents[2]
if "--upstream" in sys.argv:
    sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, Path(__file__).parent)]
sys.path.append(str(ROOT / "test"))

import zoo  # noqa: E402
import zoo_calls  # noqa: E402
import zoo_data  # noqa: E402

TOLERANCE = 1e-4  # relative to a value where it exceeds 1
LENGTHS = (41, 131, 333, 1500)  # frames
SAMPLES_PER_FRAME = 64
TRACED = (67, 45)  # frames of the two utterances that are traced
TIME_LIMIT = 300  # seconds a row
# How upstream's modules are called: inputs are those of the row, then the lengths, then, of decoders, the text's.
FORWARD = {
    "encoder": lambda module, xs, lengths: module(xs, lengths)[:2],
    "encode": lambda module, xs, lengths: module.encode(xs, lengths),
    "frontend": lambda module, xs, lengths: module(xs, lengths),
    "decoder": lambda module, memory, tokens, lengths, text: module(memory, lengths, tokens, text)[:1],
    "ctc": lambda module, xs, lengths: (module.log_softmax(xs),),
    "lm": lambda module, tokens, lengths: module(tokens, None)[:1],
    "lm_model": lambda module, tokens, lengths: module.lm(tokens, None)[:1],
}
NO_TIME = ("lm", "lm_model", "ctc")  # lengths are not read


class Called(torch.nn.Module):
    """A module of upstream's as a function of tensors."""

    def __init__(self, module: torch.nn.Module, call: str) -> None:
        super().__init__()
        self.module, self.call = module, FORWARD[call]

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(value for value in self.call(self.module, *inputs) if isinstance(value, torch.Tensor))


def inputs_of(row: zoo_data.Row, lengths: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """Make a ragged batch of utterances with these numbers of frames, and its lengths."""
    samples = row.inputs[0].sizes == ("n",) and not row.inputs[0].below
    steps = tuple(length * (SAMPLES_PER_FRAME if samples else 1) for length in lengths)
    resized = zoo_data.Row(row.name, row.kind, row.make, row.inputs, steps)
    batch, sizes = zoo_calls.batch_of(resized, range(len(steps)))
    inputs = {**batch, "lengths": sizes}
    if row.kind == "decoder":
        inputs["text"] = torch.tensor([zoo_data.tokens_for(step) for step in steps])
    return inputs


def dynamic_shapes(row: zoo_data.Row, inputs: Mapping[str, torch.Tensor]) -> tuple[tuple[dict[int, str], ...]]:
    axes = {"n": "frames", "u": "tokens"}
    shapes = [
        {0: "batch", **{i + 1: axes[size] for i, size in enumerate(array.sizes) if size in axes}}
        for array in row.inputs
    ]
    return ((*shapes, *({0: "batch"} for _ in range(len(inputs) - len(shapes)))),)


def largest_difference(found: np.ndarray, expected: torch.Tensor) -> float:
    value = expected.numpy()
    if found.shape != value.shape:
        return float("inf")
    worst = float((np.abs(found - value) / np.maximum(1, np.abs(value))).max(initial=0))
    return worst if worst == worst else float("inf")


def upstream(row: zoo_data.Row, directory: Path) -> float:
    """Measure the largest difference between a row's graph and PyTorch, for upstream's module."""
    module = Called(zoo_calls.module_for(row, directory), row.kind)
    traced = inputs_of(row, TRACED)
    path = directory / "row.onnx"
    shapes = dynamic_shapes(row, traced)
    torch.onnx.export(module, tuple(traced.values()), str(path), dynamo=True, dynamic_shapes=shapes, verbose=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    worst = 0.0
    for length in LENGTHS:
        for lengths in ((length,), (length, length * 2 // 3, length // 2)):
            inputs = list(inputs_of(row, lengths).values())
            with torch.no_grad():
                expected = module(*inputs)
            if row.kind in NO_TIME:
                inputs = inputs[: len(names)]
            feeds = dict(zip(names, (value.numpy() for value in inputs), strict=True))
            found = session.run(None, feeds)
            worst = max(worst, *(largest_difference(f, e) for f, e in zip(found, expected, strict=True)))
    return worst


def here(row: zoo_data.Row, directory: Path) -> float:
    """Measure the same for the components of this project's module, over the cases of every export's verification."""
    from espnet.nets.pytorch_backend.torch_graph import TorchGraph
    from espnet2.export.trace import export_component
    from espnet2.export.verify import verify_component
    from espnet2.runtime.session import OnnxGraph

    module = zoo_calls.module_for(row, directory)
    parts = module.parts() if hasattr(module, "parts") else [(module, component) for component in module.components()]
    if not parts:
        raise ValueError("it declares no graph")
    worst = 0.0
    for part, component in parts:
        path = export_component(part, component, directory / f"{component.name}.onnx")
        checks = verify_component(component, TorchGraph(part.eval(), component), OnnxGraph(path, component))
        worst = max(worst, *(check.difference for check in checks))
    return worst


def measure(name: str, run: Callable[[zoo_data.Row, Path], float], queue: Any) -> None:
    """Put the result of a row into a queue: its difference, or the error in a line."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as directory:
            result = {"difference": run(zoo.ROWS[name], Path(directory))}
    except Exception as error:  # any error of upstream or the exporter is a result
        result = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
    queue.put(result)


def run_row(name: str, run: Callable[[zoo_data.Row, Path], float]) -> dict[str, Any]:
    """Run a row in a process of its own: its largest difference or an error."""
    queue: Any = multiprocessing.Queue()
    process = multiprocessing.Process(target=measure, args=(name, run, queue))
    process.start()
    try:
        return queue.get(timeout=TIME_LIMIT)
    except Exception:
        return {"error": f"nothing within {TIME_LIMIT} s"}
    finally:
        process.terminate()
        process.join()


def is_right(result: Mapping[str, Any]) -> bool:
    return result.get("difference", float("inf")) <= TOLERANCE


def compare(paths: list[str]) -> None:
    """Print the number of rows of each kind, and how many are right in each file."""
    tables = [json.loads(Path(path).read_text()) for path in paths]
    common = [name for name in zoo.ROWS if all(name in table for table in tables)]
    counts = [Counter(zoo.ROWS[name].kind for name in common if is_right(table[name])) for table in tables]
    cases = Counter(zoo.ROWS[name].kind for name in common)
    print(f"{'':12s} {'rows':>5s} " + " ".join(f"{Path(path).stem:>10s}" for path in paths))
    for call, number in cases.items():
        print(f"{call:12s} {number:5d} " + " ".join(f"{count[call]:10d}" for count in counts))
    print(f"{'all':12s} {len(common):5d} " + " ".join(f"{count.total():10d}" for count in counts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", help="default: those whose graph no other row has")
    parser.add_argument("--all", action="store_true", help="all that have graphs")
    parser.add_argument("--upstream", action="store_true", help="measure upstream's modules, which are installed")
    parser.add_argument("--output", help="JSON file of results; rows that it has already are kept")
    parser.add_argument("--compare", nargs="+", metavar="FILE", help="print a table of such files")
    args = parser.parse_args()
    if args.compare:
        compare(args.compare)
        return
    unknown = [name for name in args.rows if name not in zoo.ROWS]
    if unknown:
        parser.error(f"expected rows of the zoo, such as {next(iter(zoo.ROWS))}, found {', '.join(unknown)}")
    output = Path(args.output)
    results = json.loads(output.read_text()) if output.is_file() else {}
    left_out = zoo.NO_GRAPH if args.all else zoo.NO_GRAPH | zoo.SAME_GRAPH
    chosen = args.rows or [row.name for row in zoo.ROWS.values() if row.kind in FORWARD and row.name not in left_out]
    for index, name in enumerate(name for name in chosen if name not in results):
        results[name] = run_row(name, upstream if args.upstream else here)
        output.write_text(json.dumps(results, indent=1))
        print(f"{index + 1:4d} {name:40s} {'right' if is_right(results[name]) else results[name]}", flush=True)
    print(f"{sum(map(is_right, results.values()))} of {len(results)} rows export and match")


if __name__ == "__main__":
    main()
