"""Commands that are run once: a stamp says with what they ended, a lock that one is still running."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.bundle import sha256
from espnet2.utils.atomic import write_atomically
from espnet2.utils.lock import try_lock

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
        anew: Remove the outputs of an earlier run before the command runs. Those of one that had succeeded come back
            where the command fails before it makes any.

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
        before = _read(done)
        if before == now and made == list(outputs):
            _log.info("done before: %s", done)
            return 0
        if on_change == "refuse" and (made or not outputs):
            for path in (begun, done):
                _refuse_change(path, _read(path), now)
        done.unlink(missing_ok=True)
        kept = _set_aside(outputs) if anew else {}
        _write(begun, now)
        status = subprocess.run(command, pass_fds=[lock], check=False).returncode
        if status and before is not None and not any(Path(path).exists() for path in outputs):
            for path, place in kept.items():
                os.replace(place, path)
            _write(done, before)
            return status
        for place in kept.values():
            _remove(place)
        if status == 0:
            _require_outputs(done, outputs)
            os.replace(begun, done)
    return status


def _set_aside(paths: Iterable[str]) -> dict[Path, Path]:
    """Give files and directories that there are other names, beside them; returns these by the first."""
    kept = {}
    for path in map(Path, paths):
        place = path.with_name(f".{path.name}.before")
        if place.exists():  # of a run that was killed
            _remove(place)
        if path.exists():
            os.replace(path, place)
            kept[path] = place
    return kept


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with write_atomically(path, "w") as file:
        json.dump(content, file)


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
    changed = [f"{name} has changed" for name in now["inputs"] if before["inputs"].get(name) != now["inputs"][name]]
    options, earlier = _options(now["command"]), _options(before["command"])
    for name in sorted(options.keys() | earlier.keys()):
        if options.get(name) != earlier.get(name):
            changed.append(f"{name} was {earlier.get(name, 'not given')}, and is {options.get(name, 'not given')}")
    what = changed[0] if changed else "the order of its arguments has changed"
    raise OptionError(
        f"{path}: expected to go on with the command that was begun, found another: {what}; "
        f"remove this file to go on all the same, or choose another directory"
    )


def _options(command: Sequence[str]) -> dict[str, str]:
    """What follows each option of a command; what comes before them is `the program`."""
    name = "the program"
    found: dict[str, list[str]] = {name: []}
    for word in command:
        if word.startswith("--"):
            name = word
            found.setdefault(name, [])
        else:
            found[name].append(word)
    return {name: " ".join(words) for name, words in found.items()}


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """A lock that holds as long as this process or the command that it runs; its file descriptor."""
    deadline = time.monotonic() + PATIENCE
    with open(path, "w", encoding="utf-8") as file:
        while not try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise DataError(f"{path}: expected no other run of the same command, found one that goes on")
            time.sleep(RETRY)
        yield file.fileno()
