"""Run every command in surroundings that lack something, and list the answers that are no result and no sentence.

    python tools/attack/surroundings.py --work build/attack [--families asr mt] [--pytorch]
    python tools/attack/surroundings.py --work build/attack --rows transcribe export

As root, commands run as a user whom the system does not know, so that permissions hold, and small disks are mounted; no
one else can do that. Models and rows are those of `tools/attack/commands.py`, and so are the faults.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from answers import MIB, Answer, Bounds, faults
from commands import Target, prepare, prepare_rows
from models import COMMANDS
from rows import ROWS, Tool

NOBODY = 54321  # number of a user that the system does not know
ROOT = Path(__file__).resolve().parents[2]


class Surroundings(NamedTuple):
    """Surroundings of a process.

    Attributes:
        environment: Changes (None: unset).
        words: Further ones of the command.
        before: What the process does at first.
        stdout: Where its output goes.
        disk: Size of the disk `disk`, as `mount` takes it.
        interrupt: Seconds after which Ctrl-C is pressed.
    """

    environment: Mapping[str, str | None] = {}
    words: Sequence[str] = ()
    before: Callable[[], Any] = lambda: None
    stdout: str = os.devnull
    disk: str = ""
    interrupt: float | None = None


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


OUTPUTS = (
    *("/", "/proc/x", "/dev/null", "/dev/full/x", "fifo", "fifo/x", "link", "\x1b[2J", "x" * 300, "a/../.."),
    *("file", "file/x", ".", "", "/tmp", "aus\xe4", "\udcff", "link/x"),
)
MOMENTS = (0.3, 0.5, 0.8, 1.1, 1.6, 2.5)  # seconds; Python itself, which says a traceback, takes the first 0.1
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
CASES: Mapping[str, Surroundings] = {
    "nothing special": Surroundings(),
    "no home": Surroundings({"HOME": None, "XDG_CACHE_HOME": None}),
    "a home that is not there": Surroundings({"HOME": "/nowhere", "XDG_CACHE_HOME": None}),
    "no directory of temporary files": Surroundings({"TMPDIR": "/nowhere", "HOME": "/nowhere"}),
    "temporary files that cannot be written": Surroundings({"TMPDIR": "locked"}),
    "a full directory of temporary files": Surroundings({"TMPDIR": "disk"}, disk="4k"),
    "ASCII": Surroundings(ASCII),
    "ASCII, output elsewhere": Surroundings(ASCII, ["--output_dir", "aus\xe4"]),
    "no environment but the path": Surroundings({name: None for name in os.environ if name != "PATH"}),
    "closed stdout": Surroundings(before=_closed(1)),
    "closed stdin": Surroundings(before=_closed(0)),
    "closed stderr": Surroundings(before=_closed(2)),
    "all closed": Surroundings(before=_closed(0, 1, 2)),
    "full stdout": Surroundings(stdout="/dev/full"),
    "full disk": Surroundings(words=["--output_dir", "out"], before=_small_files),
    **{f"output {path:.30}": Surroundings(words=["--output_dir", path]) for path in OUTPUTS},
    "a small disk": Surroundings(words=["--output_dir", "disk"], disk="8k"),
    "a small disk, below": Surroundings(words=["--output_dir", "disk/out"], disk="8k"),
    "a disk of some files": Surroundings(words=["--output_dir", "disk/out"], disk="64k"),
    "a disk as output": Surroundings(words=["--output_dir", "disk"], disk="100m"),
    **{f"Ctrl-C after {moment} s": Surroundings(interrupt=moment) for moment in MOMENTS},
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
        if case.interrupt is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(case.interrupt)
            process.send_signal(signal.SIGINT)
        try:
            status: int | None = process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = None
        if case.interrupt is not None and status in (-signal.SIGINT, 130):
            status = 1
        seconds = time.perf_counter() - start
        written.seek(0)
        return Answer(status, written.read(MIB).decode("utf-8", "replace"), seconds, 0)


@contextlib.contextmanager
def _place(case: Surroundings) -> Iterator[Path]:
    """A directory for a command, with what its cases need."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o777)
        os.mkfifo(place / "fifo")
        (place / "file").touch()
        (place / "link").symlink_to("link")
        (place / "locked").mkdir(0o555)
        (place / "disk").mkdir(0o777)
        if case.disk:
            options = f"size={case.disk},mode=777"
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place / "disk")], check=True)
        if case.disk == "4k":
            (place / "disk" / "x").write_bytes(bytes(4096))
        try:
            yield place
        finally:
            if case.disk:
                subprocess.run(["umount", "-l", str(place / "disk")], check=True)


def main(cmd: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="directory of models and bundles")
    parser.add_argument("--families", nargs="+", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--rows", nargs="*", choices=list(ROWS), help="further commands, instead of families")
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--pytorch", action="store_true", help="commands on PyTorch, instead of those on bundles")
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args(cmd)
    work, bad = args.work.absolute(), 0
    for task, words in _commands(work, args):
        for name in args.cases:
            case = CASES[name]
            if case.disk and os.getuid() != 0:
                continue
            with _place(case) as place:
                answer = answer_in(case, words, place, 2 * args.seconds)
                left = sorted(path.name for path in place.iterdir() if path.name.startswith("."))
            found = faults(answer, Bounds(args.seconds, 1)) + ([f"left {left}"] if left else [])
            found += ["no result"] if case == Surroundings() and answer.status != 0 else []
            bad += bool(found)
            last = answer.written.strip().splitlines()[-1:] or [""]
            print(f"{task}: {name}: status {answer.status}: {', '.join(found) or 'as it should'}: {last[0][:160]}")
    return int(bad > 0)


def _commands(work: Path, args: argparse.Namespace) -> Iterator[tuple[str, Sequence[str]]]:
    """Names of families or rows, and their commands."""
    if args.rows:
        tools = [Tool(row, work) for row in args.rows]
        prepare_rows(work, sorted(set().union(*(tool.places for tool in tools))))
        yield from ((tool.task, tool.runtime()) for tool in tools)
        return
    prepare(work, args.families)
    for task in args.families:
        target = Target(task, work)
        yield task, target.pytorch() if args.pytorch else target.runtime()


if __name__ == "__main__":
    raise SystemExit(main())
