"""A list of utterances on all cores: one by one, together, in processes, fp32 and int8, against upstream one by one.

    python tools/bench/corpus.py --work_dir DIR --recordings *.flac [--oracle ORACLE/bin/python]

The model is `librispeech` of `random_models`. The utterances, of 3 to 15 s, are cut from the joined recordings; beam
10, 5.2 tokens a second. Contenders take turns, each in processes of its own (`corpus_recognizer.py`); seconds are
medians of `--repeat` runs, of one by one and upstream of one. Upstream may get some of the utterances
(`--upstream_utterances`): its seconds are then scaled by the seconds of speech. `--only` names the rows that are
measured; those of int8 need `--quantize`, which exports int8 graphs, too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from contender import Answer, Contender, distance, interleaved
from machine import processor
from random_models import RATE, add_options, bundled, joined, make

SHORTEST, LONGEST = 3.0, 15.0  # seconds
PER_FRAME = 5.2 / 25  # tokens; the encoder has 25 frames a second
# Hypotheses that end before are dropped, but for the last few tokens of long ones, where random weights hardly end.
OPTIONS = {"beam_size": 10, "ctc_weight": 0.3, "nbest": 1, "maxlenratio": PER_FRAME, "minlenratio": PER_FRAME - 0.015}
SCRIPT = Path(__file__).with_name("corpus_recognizer.py")
ROWS = [f"{kind} {how}" for kind in ("fp32", "int8") for how in ("one by one", "together", "processes")]


class Asked(Protocol):
    """One or more processes that decode utterances on request."""

    def ask(self, **request: Any) -> Answer: ...

    def close(self) -> None: ...


class Processes:
    """Several contenders that share the utterances; each has the numbers of its own."""

    def __init__(self, contenders: Sequence[Contender]) -> None:
        self._contenders = contenders
        self._pool = ThreadPoolExecutor(len(contenders))

    def ask(self, **request: Any) -> Answer:
        """The texts of all, the seconds of the slowest, and the memory of all."""
        count = len(self._contenders)
        numbers = request.pop("numbers")
        shares = [numbers[first::count] for first in range(count)]
        asked = [
            self._pool.submit(contender.ask, numbers=share, **request)
            for contender, share in zip(self._contenders, shares, strict=True)
        ]
        answers = [answer.result() for answer in asked]
        return {
            "seconds": {"whole": max(answer["seconds"]["whole"] for answer in answers)},
            "texts": {number: text for answer in answers for number, text in answer["texts"].items()},
            "peak_mb": sum(answer["peak_mb"] for answer in answers),
        }

    def close(self) -> None:
        for contender in self._contenders:
            contender.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.set_defaults(repeat=3)
    parser.add_argument("--quantize", action="store_true", help="int8, too")
    parser.add_argument("--utterances", type=int, default=32)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--gatherings", type=int, help="of a batch, instead of this project's choice")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=ROWS, metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--upstream_utterances", type=int, default=0, help="that upstream gets; 0: all")
    parser.add_argument("--upstream_threads", type=int, nargs="+", default=[os.cpu_count() or 1])
    args = parser.parse_args()
    recording = joined(args.recordings, args.work_dir / "speech.npy")
    utterances = cut(recording, args.utterances, args.work_dir / "utterances.npz")
    seconds = [len(speech) / RATE for speech in np.load(utterances).values()]
    cores = os.cpu_count() or 1
    print(f"{processor()}; {len(seconds)} utterances, {sum(seconds):.0f} s, batch of {args.batch_size}", flush=True)
    bundle = bundled("librispeech", args.work_dir / "librispeech", recording, args.quantize)
    request = {"utterances": str(utterances.resolve()), "numbers": list(range(len(seconds))), "options": OPTIONS}
    answers: dict[str, Answer] = {}
    if args.oracle:
        answers |= upstream(args, make("librispeech", args.work_dir / "librispeech", recording), request, seconds)
    rows = [row for row in args.only if args.quantize or not row.startswith("int8")]
    answers |= ours(rows, {"bundle": str(bundle)}, args, request, cores)
    print("\n".join(table(answers, sum(seconds))))


def cut(recording: Path, count: int, file: Path) -> Path:
    """Write utterances of different lengths, in random order, that are cut from a recording at different places."""
    speech, random = np.load(recording), np.random.default_rng(0)
    lengths = random.permutation(np.linspace(SHORTEST, LONGEST, count))
    starts = random.integers(0, len(speech), count)
    pieces = [np.resize(np.roll(speech, -start), int(s * RATE)) for start, s in zip(starts, lengths, strict=True)]
    np.savez(file, **{str(number): piece for number, piece in enumerate(pieces)})
    return file


def upstream(
    args: argparse.Namespace, files: Mapping[str, str], request: Mapping[str, Any], seconds: Sequence[float]
) -> dict[str, Answer]:
    """Upstream's answer with each number of threads."""
    chosen = np.argsort(seconds, kind="stable")[:: max(len(seconds) // (args.upstream_utterances or len(seconds)), 1)]
    chosen = chosen[: args.upstream_utterances or None].tolist()
    answers = {}
    for threads in args.upstream_threads:
        contender = Contender(args.oracle, [SCRIPT, "upstream", json.dumps(files)], threads)
        answer = contender.ask(**{**request, "numbers": chosen, "threads": threads, "batch_size": 1})
        contender.close()
        spoken = sum(seconds[number] for number in chosen)
        scaled = f", {len(chosen)} of them scaled by seconds" if len(chosen) < len(seconds) else ""
        answer["seconds"]["whole"] *= sum(seconds) / spoken
        answers[f"upstream, {threads} threads{scaled}"] = answer
    return answers


def ours(
    rows: Sequence[str], files: Mapping[str, str], args: argparse.Namespace, request: Mapping[str, Any], cores: int
) -> dict[str, Answer]:
    """This project's answers, row by row."""
    contenders: dict[str, Asked] = {}
    for row in rows:
        kind, how = row.split(" ", 1)
        alone = {"threads": cores, "batch_size": 1 if how == "one by one" else args.batch_size}
        settings = {**alone, "gatherings": args.gatherings} if how == "together" else alone
        if how == "processes":
            settings["threads"] = 1
        arguments = [SCRIPT, kind, json.dumps(files), json.dumps(settings)]
        made = [Contender(sys.executable, arguments) for _ in range(cores if how == "processes" else 1)]
        contenders[row] = Processes(made) if how == "processes" else made[0]
    repeat = {row: 1 if row.endswith("one by one") else args.repeat for row in rows}
    try:
        return interleaved(contenders, repeat, request)  # type: ignore[arg-type]
    finally:
        for contender in contenders.values():
            contender.close()


def table(answers: Mapping[str, Answer], spoken: float) -> list[str]:
    """A line for each row: ratios are to the fastest of upstream, texts are compared with fp32, one by one."""
    base = min((a["seconds"]["whole"] for name, a in answers.items() if "upstream" in name), default=0.0)
    texts = answers.get("fp32 one by one", next(iter(answers.values())))["texts"]
    lines = [f"{'':48} {'s':>7} {'s/s':>6} {'ratio':>6} {'to own':>6} {'peak MB':>8}  texts"]
    for name, answer in answers.items():
        whole = answer["seconds"]["whole"]
        own = answers.get(f"{name.split()[0]} one by one")
        ratio, gain = (f"{n / whole:6.2f}" if n else 6 * " " for n in (base, own["seconds"]["whole"] if own else 0.0))
        found = f"{whole:7.2f} {whole / spoken:6.3f} {ratio} {gain} {answer['peak_mb']:8.0f}"
        lines.append(f"{name:48} {found}  {compared(answer['texts'], texts)}")
    return lines


def compared(texts: Mapping[str, Sequence[int]], others: Mapping[str, Sequence[int]]) -> str:
    """How many texts are the same, and the share of tokens that are not."""
    same = sum(text == others[number] for number, text in texts.items())
    errors = sum(distance(text, others[number]) for number, text in texts.items())
    tokens = sum(len(others[number]) for number in texts)
    return f"{same} of {len(texts)} the same, {errors / max(tokens, 1):.1%} of {tokens} tokens differ"


if __name__ == "__main__":
    main()
