"""A bundle that takes the place of another, and reading one while that may happen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from espnet2.interface.errors import BundleError, EspnetError
from espnet2.utils.atomic import exchange

MANIFEST = "bundle.yaml"
ATTEMPTS = 100  # to read a bundle that is replaced meanwhile

Read = TypeVar("Read")


def read_as_one(path: str | Path, read: Callable[[], Read]) -> Read:
    """Return what `read` gives of a bundle's files, all of one bundle, also while another takes its place."""
    for _ in range(ATTEMPTS):
        before = identity_of(path)
        try:
            found = read()
        except EspnetError:
            if identity_of(path) == before:
                raise
        else:
            if identity_of(path) == before:
                return found
    raise BundleError(f"{path}: expected a bundle that stays, found one that was replaced {ATTEMPTS} times meanwhile")


def identity_of(path: str | Path) -> tuple[int, int, int] | None:
    """Identity of a bundle, which tells it from one that takes its place; None where there is none."""
    try:
        found = os.stat(Path(path) / MANIFEST)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def replace(temporary: Path, target: Path) -> None:
    """Rename `temporary` to `target`; what was there before goes last, and comes back if that fails.

    Where the system cannot exchange two names, there is a moment without a bundle.
    """
    if target.exists() and exchange(temporary, target):
        shutil.rmtree(temporary, ignore_errors=True)
        return
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    existed = target.exists()
    if existed:
        target.rename(old)
    try:
        temporary.rename(target)
    except BaseException:
        if existed:
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
