"""A recogniser as one graph against this project's runtime, on one thread: time, memory, n-best lists.

    python tools/bench/one_graph.py --work_dir DIR --recordings *.flac [--rows librispeech lm] [--quantize]

Each row is a model of random weights (see `random_models`) and a search of beam 10, of hypotheses of 60 tokens. Each
contender runs in a process of its own, and they take turns. The table shows medians in seconds, peak memory, both over
those of the runtime in the same numbers of bits, and whether the n-best lists are the runtime's. Models, bundles and
graphs are kept in `--work_dir`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from contender import Answer, Contender, interleaved, same_texts
from machine import processor
from models import HYBRID, ROWS
from random_models import add_options, bundled, joined, make

SCRIPT = Path(__file__).with_name("recognizer.py")
COMPARED = {"librispeech": ("librispeech", HYBRID), **{name: ROWS[name] for name in ("lm", "rnn", "greedy")}}
RUNTIME_OF = {"one_graph": "onnxruntime", "one_graph_int8": "int8"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--rows", nargs="+", choices=list(COMPARED), default=list(COMPARED))
    parser.add_argument("--quantize", action="store_true", help="measure int8, too")
    parser.add_argument("--seconds", type=float, default=0.0, help="length to which the recording is cut or repeated")
    args = parser.parse_args()
    recording = joined(args.recordings, args.work_dir / "speech.npy")
    print(processor())
    print(f"{'row':12} {'':15} {'whole s':>8} {'ratio':>6} {'peak MB':>8} {'ratio':>6}  n-best")
    for row in args.rows:
        for line in lines(row, answers_of(row, recording, args)):
            print(line, flush=True)


def graph_of(name: str, directory: Path, recording: Path, bundle: Path, quantize: bool) -> Path:
    """Make a model as one graph in a directory, unless it is there: the folder of the graph."""
    from espnet2.export.quantize import quantize_int8
    from espnet2.export.whole import Whole
    from espnet2.inference.trained import load_trained

    folder = directory / "one_graph"
    graph, small = folder / "recognizer.onnx", folder / "recognizer.int8.onnx"
    if not graph.is_file():
        folder.mkdir(exist_ok=True)
        Whole(load_trained(**make(name, directory, recording))).write(folder, {})
    if quantize and not small.is_file():
        parts = [path for path in bundle.glob("*.onnx") if path.with_suffix(".int8.onnx").is_file()]
        quantize_int8(graph, small, True, parts)
    return folder


def answers_of(row: str, recording: Path, args: argparse.Namespace) -> dict[str, Answer]:
    """Each contender's answer in a row."""
    name, options = COMPARED[row]
    directory = args.work_dir / name
    bundle = bundled(name, directory, recording, args.quantize)
    files = {"bundle": str(bundle), "one_graph": str(graph_of(name, directory, recording, bundle, args.quantize))}
    kinds = ["onnxruntime", "one_graph", *(["int8", "one_graph_int8"] if args.quantize else [])]
    contenders = {kind: Contender(sys.executable, [SCRIPT, kind, json.dumps(files)]) for kind in kinds}
    request = {"recording": str(recording.resolve()), "threads": 1, "options": options, "seconds": args.seconds}
    try:
        return interleaved(contenders, dict.fromkeys(kinds, args.repeat), request)
    finally:
        for contender in contenders.values():
            contender.close()


def lines(row: str, answers: dict[str, Answer]) -> list[str]:
    """A line for each contender."""
    found = []
    for name, answer in answers.items():
        base = answers[RUNTIME_OF.get(name, name)]
        whole, peak = answer["seconds"]["whole"], answer["peak_mb"]
        ratios = whole / base["seconds"]["whole"], peak / base["peak_mb"]
        line = f"{row:12} {name:15} {whole:8.2f} {ratios[0]:6.2f} {peak:8.0f} {ratios[1]:6.2f}"
        if answer is not base:
            pairs = zip(answer["scores"], base["scores"], strict=False)
            worst = max((abs(a - b) for a, b in pairs), default=0.0)
            line += f"  {same_texts(answer['tokens'], base['tokens'])}, scores within {worst:.0e}"
        found.append(line)
    return found


if __name__ == "__main__":
    main()
