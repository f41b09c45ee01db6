"""Commands that run only once: a stamp records the inputs of a completed run, a lock marks a running one."""

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

from espnet2.fileio.checksum import sha256
from espnet2.interface.errors import DataError, OptionError
from espnet2.utils.atomic import write_atomically
from espnet2.utils.json_file import read_json_mapping
from espnet2.utils.lock import try_lock

PATIENCE = 15.0  # seconds to wait for children of a killed command, which hold its lock
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
    """Run a command unless the file `stamp` records a success with the same inputs; returns its status.

    The command is recorded in `<stamp>.begun` before it runs, which becomes `stamp` when it has succeeded.

    Args:
        stamp: File to write.
        command: Program and arguments.
        inputs: Files that it reads; their contents are compared.
        outputs: Files and directories that it makes; it runs again if one is missing.
        on_change: `rerun` if command or inputs differ from the recorded ones, or `refuse` if there are outputs.
        anew: Remove the outputs of an earlier run first. Those of a successful run are restored if the command fails
            before it makes any.

    Raises:
        DataError: An input is missing, the command is still running, or it succeeds without making an output.
        OptionError: Command or inputs have changed, and `on_change` is `refuse`.
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
    """Rename existing files and directories; returns the new names by the old ones."""
    kept = {}
    for path in map(Path, paths):
        place = path.with_name(f".{path.name}.before")
        if place.exists():  # left by a killed run
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
        return read_json_mapping(path, "a command and its inputs", DataError, "TABLE_BYTES")
    except DataError:
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
    """Values of each option of a command; words before the first option are `the program`."""
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
    """Take a lock that is held by this process and the command that it runs; yields its file descriptor."""
    deadline = time.monotonic() + PATIENCE
    with open(path, "w", encoding="utf-8") as file:
        while not try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise DataError(f"{path}: expected no other run of the same command, found one still running")
            time.sleep(RETRY)
        yield file.fileno()
