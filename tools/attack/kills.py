"""Commands that are started in processes of their own, and killed at a moment or before a change to files."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import hashlib
import importlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from answers import waited

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
# Audit events of changes to files, and how many of their first arguments are paths.
CHANGES = {"open": 1, "os.mkdir": 1, "os.rename": 2, "os.remove": 1, "os.rmdir": 1, "os.symlink": 2, "os.truncate": 1}
OF_CHECKPOINTS = ("state_dict", "optimizer_states", "lr_schedulers", "reporter")
PATIENCE = 600.0  # seconds
PR_SET_PDEATHSIG = 1  # of Linux: a signal at the end of the parent


class Start(NamedTuple):
    """How a start of a command ended (status None: it was killed), its seconds, and number of changes to files."""

    status: int | None
    seconds: float
    changes: int = 0


class Killer:
    """Audit hook that counts changes to files in a directory, and kills the process group before the last of some."""

    def __init__(self, place: Path, last: int | None) -> None:
        self.place, self.last, self.count = str(place), last, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in CHANGES or (event == "open" and not (arguments[2] or 0) & WRITING):
            return
        paths = [
            os.fsdecode(path) for path in arguments[: CHANGES[event]] if isinstance(path, str | bytes | os.PathLike)
        ]
        if any(not os.path.isabs(path) or path.startswith(self.place) for path in paths):
            self.count += 1
            if self.count == self.last:
                os.killpg(0, signal.SIGKILL)


class Runner:
    """Starts the command of a row in its directory.

    Args:
        place: The directory, which `reset` empties.
        words: The command.
    """

    def __init__(self, place: Path, words: Sequence[str]) -> None:
        self.place, self.words = place, words
        self.log, self.told = place.with_suffix(".log"), place.with_suffix(".changes")
        self.log.unlink(missing_ok=True)
        self.reset()

    def reset(self) -> None:
        """Remove everything that was written."""
        shutil.rmtree(self.place, ignore_errors=True)
        (self.place / "tmp").mkdir(parents=True)

    def start(self, seconds: float = PATIENCE, change: int | None = None, whole: bool = False) -> Start:
        """Start the command, and kill it after so many seconds or before a change; `whole`: not from a fork."""
        if len(os.listdir("/proc/self/task")) > 1:
            raise RuntimeError("expected one thread before a fork, found several")
        self.told.unlink(missing_ok=True)
        started = time.perf_counter()
        child = os.fork()
        if not child:
            self._run(change, whole)
        status, _ = waited(child, seconds)
        spent = time.perf_counter() - started
        _end_group(child)
        changes = int(self.told.read_text() or 0) if self.told.exists() else 0
        return Start(None if status == -signal.SIGKILL else status, spent, changes)

    def _run(self, change: int | None, whole: bool) -> None:
        """The forked process, which ends here, and at the latest with its parent."""
        status = 70
        try:
            os.setsid()
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            self._enter()
            if whole:
                os.execv(sys.executable, [sys.executable, "-m", f"espnet2.bin.{self.words[0]}", *self.words[1:]])
            killer = Killer(self.place, change)
            sys.addaudithook(killer)
            status = self._main()
            atexit._run_exitfuncs()
            self.told.write_text(str(killer.count))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def _enter(self) -> None:
        """Set the directories and the standard streams of this process."""
        os.chdir(self.place)
        os.environ["TMPDIR"], tempfile.tempdir = str(self.place / "tmp"), None
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        for number in (1, 2):
            os.dup2(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)

    def _main(self) -> int:
        status = importlib.import_module(f"espnet2.bin.{self.words[0]}").main([*self.words[1:]])
        sys.stdout.flush(), sys.stderr.flush()
        return int(status)

    def warm(self) -> int:
        """Run the command in this process, so that forks need neither import nor trace what it does."""
        kept = [os.dup(number) for number in range(3)]
        self._enter()
        try:
            status = self._main()
        finally:
            for number, descriptor in enumerate(kept):
                os.dup2(descriptor, number)
                os.close(descriptor)
            gc.collect()
        return status

    def said(self) -> str:
        """The end of what the command has written to its log."""
        return self.log.read_text(errors="replace")[-1500:]


def remember_traces() -> None:
    """Let this process and its forks trace each component once, which takes nearly all the time of an export."""
    from espnet2.export import trace

    made, known = trace.traced, {}

    def traced(module: Any, component: Any) -> Any:
        key = (type(module), component.name)
        if key not in known:
            known[key] = made(module, component)
        return known[key]

    trace.traced = traced


def _end_group(group: int, patience: float = 1.0) -> None:
    """Kill what is left of a process group, and wait until it holds no locks."""
    deadline = time.monotonic() + patience
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(group, signal.SIGKILL)
            time.sleep(0.01)


def contents(place: Path, output: str) -> dict[str, str]:
    """Contents by which the files of a command are compared."""
    files = [path for path in sorted((place / output).rglob("*")) if not path.is_dir()]
    return {str(path.relative_to(place)): _content(path) for path in files}


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"-> {os.readlink(path)}"
    if path.suffix == ".log":
        return " ".join(sorted(set(re.findall(r"\d+epoch results", path.read_text(encoding="utf-8")))))
    if path.suffix == ".pth":
        import torch

        return repr(_plain(torch.load(path, weights_only=True)))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _plain(value: Any) -> Any:
    """Weights and checkpoints as values with a `repr`, without times."""
    if hasattr(value, "detach"):
        array = value.detach().numpy()
        return str(array.dtype), array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    if isinstance(value, Mapping):
        kept = OF_CHECKPOINTS if "reporter" in value else [key for key in value if not str(key).endswith("time")]
        return [(key, _plain(value[key])) for key in kept]
    return [*map(_plain, value)] if isinstance(value, list | tuple) else value


def names(place: Path) -> set[str]:
    """All names in a directory, but for sockets of Python's own, which it makes for processes that read data."""
    found = {str(path.relative_to(place)) for path in place.rglob("*")}
    return {name for name in found if not name.startswith("tmp/pymp-")}
