"""Synthesisers at the sizes of the published LJSpeech recipes against upstream, on one thread.

    OMP_NUM_THREADS=1 python tools/bench/synthesis.py --work_dir DIR --oracle ORACLE/bin/python [--rows vits jets]

Models have random weights (see `random_synthesizers`) and speak a sentence of 5 seconds. Upstream on PyTorch, this
project on onnxruntime, and its `stream()` take turns, each in a process of its own; medians count. Per row: seconds,
real-time factor, ratio to upstream, when the first samples are there, and peak memory; then the share of convolutions
in the graphs' time and their speed against the processor's; time by length with its exponent, from `--tokens`. Models
and bundles are kept in `--work_dir`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contender import Answer, Contender, interleaved
from graph_profile import Node, profile
from machine import Machine, measured
from random_synthesizers import FRAMES, HOP, MODELS, RATE, make
from synthesizer import text_of

SENTENCE = 72  # tokens, 5 seconds
STEPWISE = ("tacotron2",)
LONG = (72, 144, 288, 864)  # tokens, to 60 seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work_dir", type=Path, required=True, help="where models and bundles are made, and kept")
    parser.add_argument("--oracle", required=True, help="Python with upstream ESPnet, which makes the models")
    parser.add_argument("--rows", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--repeat", type=int, default=3, help="runs of each contender (default: 3)")
    parser.add_argument("--tokens", type=int, nargs="*", default=LONG, help="lengths of texts for the growth of time")
    args = parser.parse_args()
    machine = measured()
    print(machine)
    print(f"{'row':12} {'':12} {'s':>7} {'RTF':>6} {'ratio':>6} {'first s':>8} {'share':>6} {'peak MB':>8}")
    for row in args.rows:
        files = make(row, args.work_dir / row, args.oracle)
        bundle = bundled(row, args.work_dir / row, files)
        for line in lines(row, answers_of(row, files, bundle, args)):
            print(line, flush=True)
        print(f"  {convolutions(profiled(row, bundle), machine)}", flush=True)
        if args.tokens:
            print(f"  {growth(row, bundle, args)}", flush=True)


def options_of(row: str) -> dict[str, Any]:
    """Options of synthesis: Tacotron 2 of random weights never stops before the longest length."""
    return {"maxlenratio": float(FRAMES)} if row in STEPWISE else {}


def bundled(row: str, directory: Path, files: Mapping[str, str]) -> Path:
    """The bundle of a model, made unless it is there."""
    kept = directory / "bundle"
    if not (kept / "bundle.yaml").is_file():
        from espnet2.export.make_bundle import make_bundle

        make_bundle(kept, quantize="int8" if row in STEPWISE else None, **files)
    return kept


def answers_of(row: str, files: Mapping[str, str], bundle: Path, args: argparse.Namespace) -> dict[str, Answer]:
    """Each contender's answer about one sentence."""
    script = Path(__file__).with_name("synthesizer.py").resolve()
    here = {"bundle": str(bundle)}
    named = {"upstream": (args.oracle, {name: str(Path(path).resolve()) for name, path in files.items()})}
    kinds = ["onnxruntime", "int8" if row in STEPWISE else "stream"]
    named |= {kind: (sys.executable, here) for kind in kinds}
    contenders = {
        kind: Contender(python, [str(script), kind, json.dumps(given)]) for kind, (python, given) in named.items()
    }
    request = {"tokens": SENTENCE, "options": options_of(row)}
    try:
        return interleaved(contenders, dict.fromkeys(contenders, args.repeat), request)
    finally:
        for contender in contenders.values():
            contender.close()


def lines(row: str, answers: Mapping[str, Answer]) -> list[str]:
    """A line for each contender."""
    base = next(iter(answers.values()))["seconds"]["whole"]
    found = []
    for kind, answer in answers.items():
        first, whole = answer["seconds"]["first"], answer["seconds"]["whole"]
        factor = whole * RATE / answer["samples"]
        numbers = f"{whole:7.3f} {factor:6.3f} {base / whole:6.2f} {first:8.3f} {first / whole:6.0%}"
        found.append(f"{row:12} {kind:12} {numbers} {answer['peak_mb']:8.0f}  ({answer['samples'] / RATE:.2f} s)")
    return found


class _Recorder:
    """A graph that keeps the feeds of its first call, and counts its calls."""

    def __init__(self, graph: Any) -> None:
        self.graph, self.component = graph, graph.component
        self.feeds: dict[str, Any] = {}
        self.calls = 0

    def __call__(self, feeds: Mapping[str, Any]) -> Any:
        if not self.calls:
            arrays = {tensor.name: feeds[tensor.name] for tensor in self.component.feeds}
            self.feeds = {name: value.numpy() if hasattr(value, "numpy") else value for name, value in arrays.items()}
        self.calls += 1
        return self.graph(feeds)


def profiled(row: str, bundle: Path) -> list[tuple[Node, int]]:
    """Operators of all graphs, each with how often its graph is called for a sentence."""
    from espnet2.interface.families import family_of
    from espnet2.runtime.loading import load
    from espnet2.runtime.tts import Synthesizer

    family = family_of("tts")
    entry = "text_encoder"
    loaded = load(bundle, family, entry, options_of(row), num_threads=1)
    recorders = {name: _Recorder(graph) for name, graph in loaded.model.graphs.items()}
    Synthesizer(dataclasses.replace(loaded.model, graphs=recorders), loaded.options)(text_of(SENTENCE))
    found = []
    for name, recorder in recorders.items():
        if recorder.calls:
            path = loaded.bundle.file(loaded.bundle.manifest.components[name])
            nodes = profile(path, recorder.component, recorder.feeds, runs=3, warmup=1)
            found += [(node, recorder.calls) for node in nodes]
    return found


def convolutions(nodes: Sequence[tuple[Node, int]], machine: Machine) -> str:
    """Share of convolutions in the time of graphs, and their speed against the processor's."""
    whole = sum(node.seconds * calls for node, calls in nodes)
    own = [(node, calls) for node, calls in nodes if node.convolution]
    seconds = sum(node.seconds * calls for node, calls in own)
    adds = sum(node.multiply_adds * calls for node, calls in own)
    rest: Counter[str] = Counter()
    for node, calls in nodes:
        if not node.convolution:
            rest[node.operator] += node.seconds * calls / whole
    others = ", ".join(f"{name} {share:.0%}" for name, share in rest.most_common(3))
    transposed = sum(node.seconds * calls for node, calls in own if node.operator == "ConvTranspose")
    speed = 2 * adds / max(seconds, 1e-9)
    return (
        f"convolutions {seconds / whole:.0%} of {whole:.3f} s in graphs (transposed {transposed / whole:.0%}), "
        f"{speed / 1e9:.0f} GFLOP/s of the processor's {2 * machine.fp32 / 1e9:.0f} "
        f"({speed / 2 / machine.fp32:.0%}); rest: {others}"
    )


def growth(row: str, bundle: Path, args: argparse.Namespace) -> str:
    """Time and memory by length, and the exponent of time over length between the shortest and the longest."""
    script = Path(__file__).with_name("synthesizer.py").resolve()
    found: list[tuple[float, Answer]] = []
    contender = Contender(sys.executable, [str(script), "onnxruntime", json.dumps({"bundle": str(bundle)})])
    for tokens in args.tokens:
        request = {"tokens": tokens, "options": options_of(row)}
        answer = interleaved({"": contender}, {"": 2}, request)[""]
        found.append((tokens * FRAMES * HOP / RATE, answer))
    contender.close()
    parts = [
        f"{length:.0f} s: {answer['seconds']['whole']:.2f} s, {answer['peak_mb']:.0f} MB" for length, answer in found
    ]
    if len(found) > 1:
        (short, fast), (long, slow) = found[0], found[-1]
        grown = math.log(slow["seconds"]["whole"] / fast["seconds"]["whole"]) / math.log(long / short)
        parts.append(f"exponent {grown:.2f}")
    return "; ".join(parts)


if __name__ == "__main__":
    main()
