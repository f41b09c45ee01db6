"""A LibriSpeech-sized hybrid model, end to end: upstream ESPnet on PyTorch against onnxruntime, fp32 and int8.

    python tools/bench/librispeech_size.py --work_dir DIR --recordings *.flac --oracle ORACLE/bin/python --quantize

The model is `librispeech` of `random_models`, 116 M parameters; every hypothesis has exactly `--tokens` tokens. Each
contender runs in a process of its own, on one thread, after a warm-up, and they take turns, so that a drifting clock
harms none. The table shows medians in seconds, the ratio to upstream (to fp32 without it), peak memory, and whether the
n-best lists are the same, or the token errors of the best; then the limit that this machine sets. Model, bundle and
joined recording are kept in `--work_dir`: one run with a beam and without upstream takes less than a minute.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from contender import Answer, Contender, interleaved, peak_mb, same_texts
from machine import Machine, measured
from random_models import add_options, bundled, joined, make

SCRIPT = Path(__file__).with_name("recognizer.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--beam_size", type=int, nargs="+", default=[10, 20])
    parser.add_argument("--tokens", type=int, default=60, help="length of every hypothesis (default: 60)")
    parser.add_argument("--threads", type=int, default=1, help="of upstream, and of encoder and CTC here (default: 1)")
    parser.add_argument("--quantize", action="store_true", help="measure int8, too")
    parser.add_argument("--no_limit", action="store_true", help="leave out the machine's limit")
    args = parser.parse_args()
    recording = joined(args.recordings, args.work_dir / "speech.npy")
    bundle, contenders = started(args, recording)
    repeat = {name: args.upstream_repeat if name == "upstream" else args.repeat for name in contenders}
    machine = measured()
    print(machine)
    print(f"{'beam':>4}  {'':12} {'encoder s':>9} {'search s':>9} {'whole s':>8} {'ratio':>6} {'peak MB':>8}  n-best")
    found = {}
    for beam in args.beam_size:
        request = {
            "recording": str(recording.resolve()),
            "threads": args.threads,
            "options": options(beam, args.tokens),
        }
        found[beam] = interleaved(contenders, repeat, request)
        print("\n".join(lines(beam, found[beam])), flush=True)
    for contender in contenders.values():
        contender.close()
    if not args.no_limit:
        for beam in args.beam_size:
            print_limits(bundle, machine, beam, args.tokens, recording, found[beam])


def started(args: argparse.Namespace, recording: Path) -> tuple[Path, dict[str, Contender]]:
    """The bundle, made if it is not there, and the processes of the contenders, upstream first."""
    directory = args.work_dir / "librispeech"
    begin = time.perf_counter()
    bundle = bundled("librispeech", directory, recording, args.quantize)
    seconds = time.perf_counter() - begin
    if seconds > 1:
        print(f"export, verified: {seconds:.1f} s, peak memory {peak_mb():.0f} MB", flush=True)
    files = json.dumps({"bundle": str(bundle)})
    contenders = {}
    if args.oracle:
        model = json.dumps(make("librispeech", directory, recording))
        contenders["upstream"] = Contender(args.oracle, [SCRIPT, "upstream", model], args.threads)
    for kind in ("onnxruntime", "int8") if args.quantize else ("onnxruntime",):
        contenders[kind] = Contender(sys.executable, [SCRIPT, kind, files], args.threads)
    return bundle, contenders


def options(beam: int, tokens: int) -> dict:
    """Options of the search whose hypotheses have exactly `tokens` tokens.

    Those that end before the last step are dropped, at the last step all end.
    """
    ratios = {"maxlenratio": -float(tokens), "minlenratio": -float(tokens - 1)}
    return {"beam_size": beam, "ctc_weight": 0.3, "nbest": 5, **ratios}


def lines(beam: int, answers: dict[str, Answer]) -> list[str]:
    """A line for each contender."""
    base = next(iter(answers.values()))
    found = []
    for name, answer in answers.items():
        encoder, search, whole = (answer["seconds"][stage] for stage in ("encoder", "search", "whole"))
        nbest = ""
        if answer is not base:
            pairs = zip(answer["scores"], base["scores"], strict=True)
            nbest = (
                f"{same_texts(answer['tokens'], base['tokens'])}, scores within {max(abs(a - b) for a, b in pairs):.0e}"
            )
        times = f"{encoder:9.2f} {search:9.2f} {whole:8.2f} {base['seconds']['whole'] / whole:6.2f}"
        found.append(f"{beam:>4}  {name:12} {times} {answer['peak_mb']:8.0f}  {nbest}")
    return found


def print_limits(
    path: Path, machine: Machine, beam: int, tokens: int, recording: Path, answers: dict[str, Answer]
) -> None:
    """Print what reading weights and caches once a step, and multiplying, take at least, beside what was measured."""
    from step_profile import limits

    for name, answer in answers.items():
        if name != "upstream":
            encoder, step = limits(path, machine, beam, tokens // 2, recording, quantized=name == "int8")
            measured_step = answer["seconds"]["search"] / tokens
            print(
                f"limit at beam {beam}, {name}: encoder {encoder:.3f} s (measured {answer['seconds']['encoder']:.3f}), "
                f"a step {1e3 * step:.2f} ms (measured {1e3 * measured_step:.2f}, with CTC and search), whole "
                f"{encoder + tokens * step:.2f} s (measured {answer['seconds']['whole']:.2f})"
            )


if __name__ == "__main__":
    main()
