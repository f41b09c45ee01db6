"""Commands that are run once: a stamp says with what they ended, a lock that one is still running."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from espnet2.runtime.bundle import sha256
from espnet2.runtime.errors import DataError, OptionError
from espnet2.utils.atomic import write_atomically

ON_CHANGE = ("rerun", "refuse")

_log = logging.getLogger(__name__)


def run_once(
    stamp: Path | str,
    command: Sequence[str],
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    on_change: str = "rerun",
) -> int:
    """Run a command unless the file `stamp` says that it has succeeded with the same inputs; returns its status.

    Before the command runs, what it is goes to `<stamp>.begun`, which becomes `stamp` when the command has succeeded.

    Args:
        stamp: A file that is made.
        command: Program and arguments.
        inputs: Files that it reads; their contents count.
        outputs: Files and directories that it makes: it runs again where one is missing.
        on_change: `rerun` when command or inputs are others than those that were begun or done, or `refuse`.

    Raises:
        DataError: An input is missing, or the command is still running.
        OptionError: Something has changed, and `on_change` is `refuse`.
    """
    done = Path(stamp)
    begun = done.with_name(f"{done.name}.begun")
    now = {"command": list(command), "inputs": {path: _digest(path) for path in inputs}}
    done.parent.mkdir(parents=True, exist_ok=True)
    with _locked(done.with_name(f"{done.name}.lock")) as lock:
        if _read(done) == now and all(Path(path).exists() for path in outputs):
            _log.info("done before: %s", done)
            return 0
        if on_change == "refuse":
            for path in (begun, done):
                _refuse_change(path, _read(path), now)
        done.unlink(missing_ok=True)
        with write_atomically(begun, "w") as file:
            json.dump(now, file)
        status = subprocess.run(command, pass_fds=[lock], check=False).returncode
        if status == 0:
            os.replace(begun, done)
    return status


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
    with open(path, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError(f"{path}: expected no other run of the same command, found one that goes on") from error
        yield file.fileno()
