"""Common ground of the options of inference: fields with their help, names that are checked, and checks of values."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from espnet2.interface.errors import OptionError, listed

if TYPE_CHECKING:
    from typing_extensions import Self

FEW = 3  # options that a message lists


def option(default: Any, text: str, kind: Callable[[str], Any] | None = None) -> Any:
    """An option with its help; `kind` reads it from a command line, where its default does not tell how."""
    return field(default=default, metadata={"help": text, "kind": kind})


@dataclass(frozen=True)
class OptionFields:
    """Base of options, whose fields are made by `option`; `purpose` is what messages say that they are for."""

    purpose: ClassVar[str]

    @classmethod
    def from_keywords(cls, options: Mapping[str, Any]) -> Self:
        """The options of keyword arguments; raises `OptionError` for one that is not known."""
        known = [item.name for item in fields(cls)]
        for name in options:
            if name not in known:
                raise OptionError(f"{name}: expected {cls._expected(known)}, found an unknown name{_hint(name, known)}")
        return cls(**options)

    @classmethod
    def _expected(cls, known: list[str]) -> str:
        return f"an option among {listed(known)}" if len(known) <= FEW else f"an option of {cls.purpose}"


def _hint(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1) if len(known) > FEW else []
    return f"; did you mean {near[0]}?" if near else ""


def require(condition: bool, name: str, expected: str, found: Any) -> None:
    """Raise `OptionError` for the option `name` unless the condition holds."""
    if not condition:
        raise OptionError(f"{name}: expected {expected}, found {found!r}")


def is_integer(value: Any) -> bool:
    """Whether a value is an integer, of Python or numpy, and no truth value."""
    return hasattr(value, "__index__") and not isinstance(value, bool)


def is_finite(value: Any) -> bool:
    """Whether a value is a finite number, and no truth value."""
    if not hasattr(value, "__float__") or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except (OverflowError, TypeError, ValueError):  # an integer beyond floating point, an array
        return False


def is_text_or_indices(value: Any) -> bool:
    """Whether a value is a text, None, or a list or an array of integers."""
    if isinstance(value, list | tuple):
        return all(isinstance(token, int | np.integer) for token in value)
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        return array.dtype.kind in "iu" or not array.size
    return value is None or isinstance(value, str)
