"""A module named by `package.module:Class`, built with options."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from espnet2.interface.errors import OptionError


def load_module(place: str, conf: Mapping[str, Any]) -> torch.nn.Module:
    """Import a class of modules, from the current directory too, and build one with the keywords `conf`.

    Raises `OptionError` where it cannot be imported or built, or is something else.
    """
    package, colon, name = place.partition(":")
    if not colon or not package or not name:
        raise OptionError(f"module: expected package.module:Class, found {place!r}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        kind = getattr(importlib.import_module(package), name)
    except Exception as error:  # whatever the author's file raises
        raise OptionError(f"module: {place}: expected a class to import, found: {error}") from error
    if not (isinstance(kind, type) and issubclass(kind, torch.nn.Module)):
        raise OptionError(f"module: {place}: expected a class of torch.nn.Module, found {kind!r}")
    try:
        return kind(**conf)
    except Exception as error:  # whatever the author's constructor raises
        raise OptionError(f"--conf: {place}: expected keywords that build it, found: {error}") from error
