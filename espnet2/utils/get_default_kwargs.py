"""Default values of arguments, for YAML."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

SCALARS = (bool, int, float, str, type(None))


class Invalid:
    """Value that YAML cannot hold."""


def get_default_kwargs(func: Callable[..., Any]) -> dict[str, Any]:
    """Return the defaults of a function's or class's arguments that YAML can hold; sequences and sets become lists."""
    defaults = {
        name: _plain(parameter.default)
        for name, parameter in inspect.signature(func).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    return {name: value for name, value in defaults.items() if value is not Invalid}


def _plain(value: Any) -> Any:
    """Convert a value to scalars, lists and dictionaries; `Invalid` if that is impossible."""
    if isinstance(value, SCALARS):
        return value
    if isinstance(value, list | tuple | set):
        items = [_plain(item) for item in value]
        return Invalid if Invalid in items else items
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        entries = {name: _plain(item) for name, item in value.items()}
        return {name: item for name, item in entries.items() if item is not Invalid}
    return Invalid
