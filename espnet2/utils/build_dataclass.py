"""Data classes from parsed options."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TypeVar

Data = TypeVar("Data")


def build_dataclass(dataclass: type[Data], args: argparse.Namespace) -> Data:
    """Make a data class of the options with the names of its fields; raises `ValueError` if one is missing."""
    names = [field.name for field in dataclasses.fields(dataclass)]  # type: ignore[arg-type]
    missing = [name for name in names if not hasattr(args, name)]
    if missing:
        raise ValueError(f"{dataclass.__name__}: expected the options {', '.join(names)}, found no {missing[0]}")
    return dataclass(**{name: getattr(args, name) for name in names})
