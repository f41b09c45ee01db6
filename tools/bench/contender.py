"""Contenders of a benchmark, each in a process of its own, which take turns: a drifting clock harms none.

A benchmark starts `Contender`s, programs that call `serve` and keep their models loaded, and asks them in turn with
`interleaved`. A waiting contender takes no processor time. Only numpy is needed, so that upstream's Python serves too.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Answer = dict[str, Any]


class Contender:
    """A process that answers requests one at a time.

    Args:
        python: Interpreter; another than this one gets no PYTHONPATH, so that it imports its own packages.
        arguments: Script and its arguments; the script calls `serve`.
        threads: Of numpy's and PyTorch's products.
    """

    def __init__(self, python: str, arguments: Sequence[str], threads: int = 1) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        if python != sys.executable:
            environment.pop("PYTHONPATH", None)
        self._process = subprocess.Popen(
            [python, *map(str, arguments)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **request: Any) -> Answer:
        """The answer to a request."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(map(str, self._process.args))}: ended with status {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def serve(answer: Callable[..., Answer]) -> None:
    """Answer requests, lines of JSON, until there are no more; whatever else is printed goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), file=answers, flush=True)


def interleaved(
    contenders: Mapping[str, Contender], repeat: Mapping[str, int], request: Mapping[str, Any]
) -> dict[str, Answer]:
    """Ask the contenders in turn, each `repeat` times: their last answers, with the medians of their `seconds`.

    `seconds` of an answer is a number for each of its stages; `peak_mb` is the largest that was seen.
    """
    answers: dict[str, list[Answer]] = {name: [] for name in contenders}
    for turn in range(max(repeat.values())):
        for name, contender in contenders.items():
            if turn < repeat[name]:
                answers[name].append(contender.ask(**request))
    return {name: _summary(given) for name, given in answers.items()}


def _summary(answers: Sequence[Answer]) -> Answer:
    seconds = {stage: float(np.median([a["seconds"][stage] for a in answers])) for stage in answers[0]["seconds"]}
    return {**answers[-1], "seconds": seconds, "peak_mb": max(a["peak_mb"] for a in answers)}


def timed(stages: Mapping[str, Callable[[Any], Any]], value: Any = None) -> tuple[dict[str, float], Any]:
    """Seconds of each stage, which gets the result of the one before, of the whole, and the last result."""
    seconds = {}
    for name, stage in stages.items():
        start = time.perf_counter()
        value = stage(value)
        seconds[name] = time.perf_counter() - start
    return {**seconds, "whole": sum(seconds.values())}, value


def forget_peak() -> None:
    """Let the peak of this process's memory begin at what it holds now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_mb() -> float:
    """Peak of this process's resident memory in 10^6 bytes, since the last `forget_peak`."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) * 1024 / 1e6


def same_texts(rows: Sequence[Any], others: Sequence[Any]) -> str:
    """Whether two n-best lists of token sequences are the same, or the token errors of the best one."""
    if list(rows) == list(others):
        return "same"
    errors = distance(rows[0], others[0])
    return "best the same" if not errors else f"{errors} token errors of {len(others[0])}"


def distance(row: Sequence[int], other: Sequence[int]) -> int:
    """Insertions, deletions and substitutions (Levenshtein) from one sequence to the other."""
    before = list(range(len(other) + 1))
    for index, token in enumerate(row, start=1):
        after = [index]
        for place, reference in enumerate(other, start=1):
            after.append(min(before[place] + 1, after[-1] + 1, before[place - 1] + (token != reference)))
        before = after
    return before[-1]
