"""Parallel jobs, each with its own log: on this machine, or as a Slurm job array.

A Slurm job runs the same command with the local back end, so that logs have the same form.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from espnet2.interface.errors import EspnetError, OptionError, reason_of
from espnet2.utils.atomic import write_atomically


class JobError(EspnetError, RuntimeError):
    """Some jobs have failed."""


@dataclass(frozen=True)
class Jobs:
    """A command, and the numbers that replace a name in it.

    Args:
        log: Log file, whose name contains `name` if there are several jobs.
        command: Program and arguments, each of which may contain `name`.
        name: Placeholder for the number, such as `JOB`; None for a single job.
        first, last: The numbers.
        accepted: Exit statuses that count as success.
    """

    log: str
    command: tuple[str, ...]
    name: str | None = None
    first: int = 1
    last: int = 1
    accepted: tuple[int, ...] = (0,)

    @property
    def numbers(self) -> range:
        return range(self.first, self.last + 1)

    def log_of(self, number: int) -> Path:
        """The log of a job."""
        return Path(self._fill(self.log, number))

    def command_of(self, number: int) -> list[str]:
        """The command of a job."""
        return [self._fill(word, number) for word in self.command]

    def _fill(self, text: str, number: int) -> str:
        return text if self.name is None else text.replace(self.name, str(number))


def parse_range(text: str) -> tuple[str, int, int]:
    """Parse `JOB=1:4` as name, first and last number; raises `OptionError` for anything else."""
    found = re.fullmatch(r"([A-Za-z_]\w*)=(\d+)(?::(\d+))?", text)
    if found is None or int(found[3] or found[2]) < int(found[2]):
        raise OptionError(f"jobs: expected NAME=FIRST:LAST as in JOB=1:4, found {text!r}")
    return found[1], int(found[2]), int(found[3] or found[2])


def run_local(jobs: Jobs, max_jobs: int | None = None) -> list[int]:
    """Run all jobs here, at most `max_jobs` at a time; returns the numbers of those that failed."""
    alone = len(jobs.numbers) == 1
    with ThreadPoolExecutor(max_jobs or len(jobs.numbers)) as pool:
        statuses = list(pool.map(lambda number: _run(jobs, number, alone), jobs.numbers))
    return [number for number, status in zip(jobs.numbers, statuses, strict=True) if status not in jobs.accepted]


def _run(jobs: Jobs, number: int, shown: bool) -> int:
    """Run a job with its output in its log, and on stderr if `shown`; return its exit status."""
    command, path = jobs.command_of(number), jobs.log_of(number)
    path.parent.mkdir(parents=True, exist_ok=True)
    start = time.time()
    with open(path, "ab", buffering=0) as log:  # append to the log of an earlier start
        log.write(f"# {shlex.join(command)}\n# started {time.ctime(start)}\n".encode())
        status = _follow(command, log.write, shown)
        log.write(f"# ended {time.ctime()} with status {status} after {time.time() - start:.1f} s\n".encode())
    return status


def _follow(command: Sequence[str], write: Callable[[bytes], object], shown: bool) -> int:
    try:
        process = subprocess.Popen(
            command, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        write(f"{command[0]}: {reason_of(error)}\n".encode())
        return 127
    with process:
        for piece in iter(lambda: process.stdout.read(1 << 16) if process.stdout else b"", b""):
            write(piece)
            if shown:
                sys.stderr.buffer.write(piece)
                sys.stderr.flush()
    return process.returncode


def run_slurm(jobs: Jobs, slurm_args: str = "", max_jobs: int | None = None) -> list[int]:
    """Submit all jobs as an array with `sbatch --wait`; returns the numbers of those that failed.

    Raises:
        OptionError: There is no `sbatch`.
        JobError: It refuses the jobs.
    """
    script = _script_of(jobs)
    limit = "" if max_jobs is None else f"%{max_jobs}"
    submit = ["sbatch", "--wait", f"--array={jobs.first}-{jobs.last}{limit}", f"--output={script}.%a.out"]
    try:
        done = subprocess.run(
            [*submit, *shlex.split(slurm_args), str(script)], check=False, capture_output=True, text=True
        )
    except FileNotFoundError as error:
        raise OptionError("--backend slurm: expected the command sbatch, found none; use local") from error
    failed = [number for number in jobs.numbers if _status(jobs.log_of(number)) not in jobs.accepted]
    if done.returncode and all(_lines(jobs.log_of(number))[-1:] == ["# submitted"] for number in jobs.numbers):
        raise JobError(f"sbatch: expected to submit {script}, found: {' '.join(done.stderr.split())}")
    return failed


def _script_of(jobs: Jobs) -> Path:
    """Write the batch script, which runs a job of the array with the local back end, beside the logs."""
    script = Path(jobs.log.replace(jobs.name or "\0", "jobs")).with_suffix(".slurm.sh")
    script.parent.mkdir(parents=True, exist_ok=True)
    for number in jobs.numbers:
        with open(jobs.log_of(number), "a", encoding="utf-8") as log:
            log.write("# submitted\n")  # the status of an earlier run must not be read
    accepted = ",".join(map(str, jobs.accepted))
    local = [sys.executable, "-m", "espnet2.bin.run_jobs", "--backend", "local", "--accept", accepted]
    numbers = [] if jobs.name is None else [f"{jobs.name}=$SLURM_ARRAY_TASK_ID"]
    with write_atomically(script, "w") as file:
        file.write("#!/usr/bin/env bash\n")
        file.write(f"exec {shlex.join(local)} {' '.join(numbers)} {shlex.join([jobs.log, *jobs.command])}\n")
    return script


def _status(log: Path) -> int | None:
    """Exit status in the last line of a log; None if the job has not ended."""
    last = _lines(log)[-1:]
    found = re.fullmatch(r"# ended .* with status (-?\d+) after .* s", last[0]) if last else None
    return None if found is None else int(found[1])


def _lines(log: Path) -> list[str]:
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def require_success(jobs: Jobs, failed: Sequence[int]) -> None:
    """Raise a `JobError` with the log and its last line if jobs have failed."""
    if not failed:
        return
    log = jobs.log_of(failed[0])
    output = [line for line in _lines(log) if line.strip() and not line.startswith("# ")]
    which = "" if jobs.name is None else f" ({len(failed)} of {len(jobs.numbers)} jobs)"
    status = _status(log)
    ended = "that it has not ended" if status is None else f"status {status}"
    raise JobError(
        f"{log}: expected the command to succeed, found {ended}{which}: {output[-1] if output else 'no output'}"
    )
