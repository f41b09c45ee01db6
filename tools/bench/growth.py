"""Growth of the time with the length of the audio: 5.2 tokens a second, from 5 to 60 seconds, on one thread.

    python tools/bench/growth.py --work_dir DIR --recordings *.flac [--quantize] [--seconds 5 15 30 60]

The model is that of `librispeech_size`, the recording is repeated. Fp32 and int8 take turns, each in a process of its
own; medians of `--repeat` runs. The table shows seconds of the encoder, of the search and of the whole, milliseconds of
a step, and peak memory; then the exponent e of seconds ~ length^e, fitted to all lengths and to those from 30 s on.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from contender import Answer, Contender, interleaved
from librispeech_size import options
from machine import processor
from random_models import add_options, bundled, joined

LONG = 30.0  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--seconds", type=float, nargs="+", default=[5, 15, 30, 60])
    parser.add_argument("--tokens_a_second", type=float, default=5.2)
    parser.add_argument("--beam_size", type=int, default=10)
    parser.add_argument("--quantize", action="store_true", help="measure int8, too")
    args = parser.parse_args()
    recording = joined(args.recordings, args.work_dir / "speech.npy")
    files = {"bundle": str(bundled("librispeech", args.work_dir / "librispeech", recording, args.quantize))}
    script = Path(__file__).with_name("recognizer.py")
    kinds = ("onnxruntime", "int8") if args.quantize else ("onnxruntime",)
    contenders = {kind: Contender(sys.executable, [script, kind, json.dumps(files)]) for kind in kinds}
    print(processor())
    heads = f"{'encoder s':>9} {'search s':>9} {'whole s':>8} {'step ms':>8} {'peak MB':>8}"
    print(f"{'audio s':>7}  {'':12} {'tokens':>6} {heads}")
    found: dict[str, list[tuple[float, Answer]]] = {kind: [] for kind in kinds}
    for seconds in args.seconds:
        tokens = round(seconds * args.tokens_a_second)
        request = {"recording": str(recording.resolve()), "threads": 1, "seconds": seconds}
        request["options"] = {**options(args.beam_size, tokens), "long_form": "false"}
        answers = interleaved(contenders, dict.fromkeys(kinds, args.repeat), request)
        for kind, answer in answers.items():
            found[kind].append((seconds, answer))
            encoder, search, whole = (answer["seconds"][stage] for stage in ("encoder", "search", "whole"))
            step = 1e3 * search / tokens
            print(
                f"{seconds:7.0f}  {kind:12} {tokens:6d} {encoder:9.2f} {search:9.2f} {whole:8.2f} {step:8.2f} "
                f"{answer['peak_mb']:8.0f}",
                flush=True,
            )
    for contender in contenders.values():
        contender.close()
    for kind, rows in found.items():
        print(f"{kind}: " + "; ".join(exponents(rows)))


def exponents(rows: list[tuple[float, Answer]]) -> list[str]:
    """The exponents of each stage, over all lengths and over the long ones."""
    found = []
    for where, least in (("all lengths", 0.0), (f"from {LONG:.0f} s on", LONG)):
        chosen = [(length, answer["seconds"]) for length, answer in rows if length >= least]
        if len(chosen) > 1:
            lengths = np.log([length for length, _ in chosen])
            slopes = {
                stage: np.polyfit(lengths, np.log([seconds[stage] for _, seconds in chosen]), 1)[0]
                for stage in ("whole", "encoder", "search")
            }
            found.append(f"{where} " + ", ".join(f"{stage} {slope:.2f}" for stage, slope in slopes.items()))
    return found


if __name__ == "__main__":
    main()
