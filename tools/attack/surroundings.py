"""Run every command in surroundings that lack something, and list the answers that are no result and no sentence.

    python tools/attack/surroundings.py --work build/attack [--families asr mt] [--pytorch]

As root, commands run as a user whom the system does not know, so that permissions hold. Models are those of
`tools/attack/commands.py`, and so are the faults.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from answers import MIB, Answer, Bounds, faults
from commands import Target, prepare
from models import COMMANDS

NOBODY = 54321  # number of a user that the system does not know
ROOT = Path(__file__).resolve().parents[2]


class Surroundings(NamedTuple):
    """Changes of the environment (None: unset), further words of the command, and what the process does at first."""

    environment: Mapping[str, str | None] = {}
    words: Sequence[str] = ()
    before: Callable[[], Any] = lambda: None
    stdout: str = os.devnull


def _closed(*numbers: int) -> Callable[[], Any]:
    return lambda: [os.close(number) for number in numbers]


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))


def _as_nobody() -> list[str]:
    """The words before a command that make root a user whom the system does not know, who may read everything."""
    if os.getuid() != 0:
        return []
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return ["setpriv", *user, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]


OUTPUTS = ("/", "/proc/x", "/dev/null", "/dev/full/x", "fifo", "fifo/x", "link", "\x1b[2J", "x" * 300, "a/../..")
CASES: Mapping[str, Surroundings] = {
    "no home": Surroundings({"HOME": None, "XDG_CACHE_HOME": None}),
    "a home that is not there": Surroundings({"HOME": "/nowhere", "XDG_CACHE_HOME": None}),
    "no directory of temporary files": Surroundings({"TMPDIR": "/nowhere", "HOME": "/nowhere"}),
    "ASCII": Surroundings({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}),
    "no environment but the path": Surroundings({name: None for name in os.environ if name != "PATH"}),
    "closed stdout": Surroundings(before=_closed(1)),
    "closed stdin": Surroundings(before=_closed(0)),
    "closed stderr": Surroundings(before=_closed(2)),
    "all closed": Surroundings(before=_closed(0, 1, 2)),
    "full stdout": Surroundings(stdout="/dev/full"),
    "full disk": Surroundings(words=["--output_dir", "out"], before=_small_files),
    **{f"output {path:.30}": Surroundings(words=["--output_dir", path]) for path in OUTPUTS},
    "a working directory that cannot be written": Surroundings(words=["--output_dir", "locked/out"]),
}


def answer_in(case: Surroundings, words: Sequence[str], place: Path, patience: float) -> Answer:
    """Run a command in surroundings, in a directory of its own."""
    changes = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **case.environment, "TMPDIR": "/tmp"}
    changes |= {name: value for name, value in case.environment.items() if name == "TMPDIR"}
    found = {**os.environ, **changes, "PYTHONPATH": str(ROOT)}
    environment = {name: value for name, value in found.items() if value is not None}

    with tempfile.TemporaryFile() as written, open(case.stdout, "wb") as stdout:
        start = time.perf_counter()
        process = subprocess.Popen(
            [*_as_nobody(), sys.executable, "-m", f"espnet2.bin.{words[0]}", *words[1:], *case.words],
            cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=written, preexec_fn=case.before,
        )  # fmt: skip
        try:
            status: int | None = process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = None
        seconds = time.perf_counter() - start
        written.seek(0)
        return Answer(status, written.read(MIB).decode("utf-8", "replace"), seconds, 0)


def main(cmd: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="directory of models and bundles")
    parser.add_argument("--families", nargs="+", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--pytorch", action="store_true", help="commands on PyTorch, instead of those on bundles")
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args(cmd)
    prepare(args.work.absolute(), args.families)
    bad = 0
    for task in args.families:
        target = Target(task, args.work.absolute())
        words = target.pytorch() if args.pytorch else target.runtime()
        for name in args.cases:
            with tempfile.TemporaryDirectory() as place:
                os.chmod(place, 0o777)
                os.mkfifo(Path(place) / "fifo")
                (Path(place) / "link").symlink_to("link")
                (Path(place) / "locked").mkdir(0o555)
                answer = answer_in(CASES[name], words, Path(place), 2 * args.seconds)
                left = sorted(path.name for path in Path(place).iterdir() if path.name.startswith("."))
            found = faults(answer, Bounds(args.seconds, 1)) + ([f"left {left}"] if left else [])
            bad += bool(found)
            last = answer.written.strip().splitlines()[-1:] or [""]
            print(f"{task}: {name}: status {answer.status}: {', '.join(found) or 'as it should'}: {last[0][:160]}")
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
