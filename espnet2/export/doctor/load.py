"""A module named by `package.module:Class`, built with options."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from espnet2.interface.errors import OptionError, reason_of

OURS = ("espnet", "espnet2")


def load_module(place: str, conf: Mapping[str, Any], packages: str | Path | None = None) -> torch.nn.Module:
    """Import a class of modules, from the current directory too, and build one with the keywords `conf`.

    Args:
        place: `package.module:Class`, or `path/to/file.py:Class`.
        conf: Keywords of its constructor.
        packages: A directory whose packages win over those of this project, such as the `site-packages` of an
            installation of upstream ESPnet; for the rest of the process.

    Raises:
        OptionError: It cannot be imported or built, or is something else.
    """
    package, colon, name = place.rpartition(":")
    if not colon or not package or not name:
        raise OptionError(f"module: expected package.module:Class or file.py:Class, found {place!r}")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    if packages is not None:
        _prefer(Path(packages))
    try:
        kind = getattr(_import(package), name)
    except Exception as error:  # whatever the author's file raises
        raise OptionError(f"module: {place}: expected a class to import, found: {reason_of(error)}") from error
    if not (isinstance(kind, type) and issubclass(kind, torch.nn.Module)):
        raise OptionError(f"module: {place}: expected a class of torch.nn.Module, found {kind!r}")
    try:
        return kind(**conf)
    except Exception as error:  # whatever the author's constructor raises
        raise OptionError(f"--conf: {place}: expected keywords that build it, found: {reason_of(error)}") from error


def _import(package: str) -> ModuleType:
    if not package.endswith(".py"):
        return importlib.import_module(package)
    spec = importlib.util.spec_from_file_location(Path(package).stem, package)
    if spec is None or spec.loader is None:
        raise ImportError(f"{package} is no file of Python")
    found = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(spec.name, found)
    spec.loader.exec_module(found)
    return found


def _prefer(packages: Path) -> None:
    """Import from a directory first, also packages that this project has, whose modules go on with what they are."""
    if not packages.is_dir():
        raise OptionError(f"--packages: expected a directory of packages, found none: {packages}")
    sys.path.insert(0, str(packages.resolve()))
    if any((packages / name).is_dir() for name in OURS):
        for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
            del sys.modules[name]
