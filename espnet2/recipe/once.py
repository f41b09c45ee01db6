"""Commands that are run once: a stamp says with what they ended, a lock that one is still running."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from espnet2.runtime.bundle import sha256
from espnet2.runtime.errors import DataError, OptionError
from espnet2.utils.atomic import write_atomically

PATIENCE = 15.0  # seconds: what a killed command leaves behind, as PyTorch's loaders, holds its lock for some of them
RETRY = 0.2  # seconds

_log = logging.getLogger(__name__)


def run_once(
    stamp: Path | str,
    command: Sequence[str],
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    on_change: str = "rerun",
    anew: bool = False,
) -> int:
    """Run a command unless the file `stamp` says that it has succeeded with the same inputs; returns its status.

    Before the command runs, what it is goes to `<stamp>.begun`, which becomes `stamp` when the command has succeeded.

    Args:
        stamp: A file that is made.
        command: Program and arguments.
        inputs: Files that it reads; their contents count.
        outputs: Files and directories that it makes: it runs again where one is missing.
        on_change: `rerun` when command or inputs are others than those that were begun or done, or `refuse` if it
            has made outputs.
        anew: Remove the outputs of an earlier run before the command runs.

    Raises:
        DataError: An input is missing, the command is still running, or it succeeds without making an output.
        OptionError: Something has changed, and `on_change` is `refuse`.
    """
    done = Path(stamp)
    begun = done.with_name(f"{done.name}.begun")
    now = {"command": list(command), "inputs": {path: _digest(path) for path in inputs}}
    done.parent.mkdir(parents=True, exist_ok=True)
    with _locked(done.with_name(f"{done.name}.lock")) as lock:
        made = [path for path in outputs if Path(path).exists()]
        if _read(done) == now and made == list(outputs):
            _log.info("done before: %s", done)
            return 0
        if on_change == "refuse" and (made or not outputs):
            for path in (begun, done):
                _refuse_change(path, _read(path), now)
        done.unlink(missing_ok=True)
        for output in made if anew else ():
            _remove(Path(output))
        with write_atomically(begun, "w") as file:
            json.dump(now, file)
        status = subprocess.run(command, pass_fds=[lock], check=False).returncode
        if status == 0:
            _require_outputs(done, outputs)
            os.replace(begun, done)
    return status


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _require_outputs(stamp: Path, outputs: Sequence[str]) -> None:
    for path in outputs:
        if not Path(path).exists():
            raise DataError(f"{path}: expected the command of {stamp} to make it, found none when it had ended")


def _digest(path: str) -> str:
    if not Path(path).is_file():
        raise DataError(f"{path}: expected a file to read, found none")
    return sha256(Path(path))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _refuse_change(path: Path, before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> None:
    if before is None or before == now:
        return
    changed = [name for name in now["inputs"] if before["inputs"].get(name) != now["inputs"][name]]
    changed += sorted(set(now["command"]) ^ set(before["command"]))
    what = changed[0] if changed else "the order of its arguments"
    raise OptionError(
        f"{path}: expected to go on with the command that was begun, found another: {what} has changed; "
        f"remove this file to go on all the same, or choose another directory"
    )


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """A lock that holds as long as this process or the command that it runs; its file descriptor."""
    deadline = time.monotonic() + PATIENCE
    with open(path, "w", encoding="utf-8") as file:
        while not _lock(file.fileno()):
            if time.monotonic() > deadline:
                raise DataError(f"{path}: expected no other run of the same command, found one that goes on")
            time.sleep(RETRY)
        yield file.fileno()


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
