"""Answers of commands in processes of their own, and what is wrong with them."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
MOST_MEMORY = 8 << 30  # bytes of a process, for the safety of the machine
SENTENCE = re.compile(r"expected.*found|argument .*: |unrecognized arguments")
OF_PYTHON = re.compile(r"' object|NoneType|operand|unhashable|index out of range|not supported between|positional arg")
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d .*(INFO|WARNING|ERROR)")


@dataclass(frozen=True)
class Answer:
    """Exit status of a command (None: it took too long), what it wrote to standard error, seconds
    of the processor, and bytes."""

    status: int | None
    written: str
    seconds: float
    memory: int


@dataclass(frozen=True)
class Bounds:
    """Most seconds and bytes of an answer, beyond those of good files."""

    seconds: float
    memory: int


def answer_of(words: Sequence[str], directory: Path, patience: float) -> Answer:
    """Run `MODULE.main(words[1:])` of `espnet2.bin` in a forked process, in a directory; kill it after `patience`."""
    with tempfile.TemporaryFile() as written:
        before = _resident()
        child = os.fork()
        if not child:
            os._exit(_in_child(words, directory, written.fileno()))
        status, usage = waited(child, patience)
        seconds = usage.ru_utime + usage.ru_stime
        written.seek(0)
        text = written.read(1 << 20).decode("utf-8", "replace")
    return Answer(status, text, seconds, max(0, usage.ru_maxrss * 1024 - before))


def _in_child(words: Sequence[str], directory: Path, written: int) -> int:
    status = 70
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.chdir(directory)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os.dup2(written, 2)
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        status = importlib.import_module(f"espnet2.bin.{words[0]}").main([*words[1:]]) or 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(Exception):
        sys.stderr.flush()
    return status


def waited(child: int, patience: float) -> tuple[int | None, resource.struct_rusage]:
    """Exit status of a child, which is negative for a signal, and what it used; None where it was killed at the end
    of `patience`, with its process group."""
    deadline = time.monotonic() + patience
    while True:
        found, status, usage = os.wait4(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), usage
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):  # where it has not made its group yet
                os.killpg(child, signal.SIGKILL)
            os.kill(child, signal.SIGKILL)
            return None, os.wait4(child, 0)[2]
        time.sleep(0.005)


def _resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def faults(answer: Answer, bounds: Bounds) -> list[str]:
    """Reasons why an answer is neither a result nor a sentence."""
    found = []
    lines = [line for line in answer.written.splitlines() if line.strip() and not LOG_LINE.match(line)]
    if answer.status not in (0, 1, 2):
        found.append("no end" if answer.status is None else f"status {answer.status}")
    if "Traceback" in answer.written:
        found.append("traceback")
    if answer.status == 2 and (not any(SENTENCE.search(line) for line in lines) or OF_PYTHON.search(answer.written)):
        found.append("no sentence")
    if answer.status == 2 and len([line for line in lines if not line.startswith(("usage:", "  "))]) > 2:
        found.append(f"{len(lines)} lines")
    if any(len(line) > 460 for line in lines):
        found.append("a long line")
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", answer.written.replace("\r", "")):
        found.append("control characters")
    if answer.seconds > bounds.seconds:
        found.append(f"{answer.seconds:.1f} s")
    if answer.memory > bounds.memory:
        found.append(f"{answer.memory / MIB:.0f} MiB")
    return found
