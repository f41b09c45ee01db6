"""Models other than the Transformer hybrid against upstream, on one thread: language model, RNN decoder, transducer.

    python tools/bench/models.py --work_dir DIR --recordings *.flac --oracle ORACLE/bin/python [--rows maes default]

Each row is a model of random weights (see `random_models`) and a search of beam 10. Upstream on PyTorch and this
project on onnxruntime take turns, each in a process of its own, on one thread. The table shows seconds, the ratio to
upstream, peak memory, and whether the n-best lists are the same. Models and bundles are kept in `--work_dir`; with
`--quantize` a bundle holds int8 graphs, too, and has to be made anew where it does not.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from contender import Answer, Contender, interleaved, same_texts
from machine import processor
from random_models import add_options, bundled, joined, make

TOKENS = 60
# Hypotheses that end before the last step are dropped, at the last step all end: each has exactly `TOKENS` tokens.
EXACT = {"maxlenratio": -float(TOKENS), "minlenratio": -float(TOKENS - 1)}
HYBRID = {"beam_size": 10, "ctc_weight": 0.3, "nbest": 5, **EXACT}
MAES = {"search_type": "maes", "nstep": 2, "prefix_alpha": 1, "expansion_beta": 2, "expansion_gamma": 2.3}
# Model and options of the search.
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "lm": ("lm", {**HYBRID, "lm_weight": 0.3}),
    "rnn": ("rnn", HYBRID),
    # Upstream returns one hypothesis of a transducer.
    "maes": ("transducer", {"beam_size": 10, "nbest": 1, "transducer_conf": MAES}),
    "default": ("transducer", {"beam_size": 10, "nbest": 1, "transducer_conf": {"search_type": "default"}}),
    "greedy": ("transducer", {"beam_size": 1, "nbest": 1}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--quantize", action="store_true", help="measure int8, too")
    parser.add_argument("--seconds", type=float, default=0.0, help="length to which the recording is cut or repeated")
    args = parser.parse_args()
    recording = joined(args.recordings, args.work_dir / "speech.npy")
    print(processor())
    print(f"{'row':10} {'':12} {'encoder s':>9} {'search s':>9} {'whole s':>8} {'ratio':>6} {'peak MB':>8}  n-best")
    for row in args.rows:
        for line in lines(row, answers_of(row, recording, args)):
            print(line, flush=True)


def answers_of(row: str, recording: Path, args: argparse.Namespace) -> dict[str, Answer]:
    """Each contender's answer in a row."""
    name, options = ROWS[row]
    directory = args.work_dir / name
    script = Path(__file__).with_name("recognizer.py")
    bundle = json.dumps({"bundle": str(bundled(name, directory, recording, args.quantize))})
    kinds = ("onnxruntime", "int8") if args.quantize else ("onnxruntime",)
    contenders = {kind: Contender(sys.executable, [script, kind, bundle]) for kind in kinds}
    repeat = {**dict.fromkeys(kinds, args.repeat), "upstream": args.upstream_repeat}
    if args.oracle:
        files = json.dumps(make(name, directory, recording))
        contenders = {"upstream": Contender(args.oracle, [script, "upstream", files]), **contenders}
    request = {"recording": str(recording.resolve()), "threads": 1, "options": options, "seconds": args.seconds}
    try:
        return interleaved(contenders, repeat, request)
    finally:
        for contender in contenders.values():
            contender.close()


def lines(row: str, answers: dict[str, Answer]) -> list[str]:
    """A line for each contender."""
    base = next(iter(answers.values()))
    found = []
    for name, answer in answers.items():
        encoder, search, whole = (answer["seconds"][stage] for stage in ("encoder", "search", "whole"))
        nbest = same_texts(answer["tokens"], base["tokens"]) if answer is not base else ""
        times = f"{encoder:9.2f} {search:9.2f} {whole:8.2f} {base['seconds']['whole'] / whole:6.2f}"
        best = f"{len(answer['tokens'][0])} tokens, score {answer['scores'][0]:.3f}"
        found.append(f"{row:10} {name:12} {times} {answer['peak_mb']:8.0f}  {nbest} ({best})")
    return found


if __name__ == "__main__":
    main()
