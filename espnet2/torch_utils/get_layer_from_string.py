"""Layers by name."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

import torch


def get_layer(l_name: str, library: Any = torch.nn) -> type[torch.nn.Module]:
    """Return the class named `l_name` (in any case) in `library`; raises `NotImplementedError` if there is none."""
    layers = {
        name.lower(): cls
        for name, cls in inspect.getmembers(library, inspect.isclass)
        if issubclass(cls, torch.nn.Module)
    }
    if l_name.lower() not in layers:
        near = ", ".join(difflib.get_close_matches(l_name.lower(), layers)) or "none"
        raise NotImplementedError(f"expected a layer of {library.__name__}, found {l_name!r}; similar names: {near}")
    return layers[l_name.lower()]
