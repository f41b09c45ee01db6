"""Types of command line options, as `type=` of `argparse`: each reads one string."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

TRUE = ("y", "yes", "t", "true", "on", "1")
FALSE = ("n", "no", "f", "false", "off", "0")
NONE = ("none", "null", "nil")


def str2bool(value: str) -> bool:
    """`yes`, `true`, `on`, `1` and their opposites, in any case; raises `ValueError` for anything else."""
    word = str(value).lower()
    if word not in TRUE + FALSE:
        raise ValueError(f"expected one of {', '.join(TRUE + FALSE)}, found {value!r}")
    return word in TRUE


def str_or_none(value: str) -> str | None:
    """The string itself, or None for `none`, `null`, `nil` in any case."""
    return None if value.strip().lower() in NONE else value


def str2triple_str(value: str) -> tuple[str, str, str]:
    """Three comma-separated strings, which may be quoted and in brackets: `wav.scp,speech,sound`."""
    inside = value.strip()
    if inside[:1] + inside[-1:] in ("()", "[]"):
        inside = inside[1:-1]
    items = [item.strip().strip("'\"") for item in inside.split(",")]
    if len(items) != 3:
        raise ValueError(f"expected three comma-separated items, found {value!r}")
    return items[0], items[1], items[2]


def int_or_none(value: str) -> int | None:
    """A whole number, or None."""
    return None if str_or_none(value) is None else int(value)


def positive_int(value: str) -> int:
    """A whole number above 0; raises `argparse.ArgumentTypeError`, whose text is shown, for anything else."""
    if not value.isdecimal() or int(value) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, found {value!r}")
    return int(value)


def float_or_none(value: str) -> float | None:
    """A number, or None."""
    return None if str_or_none(value) is None else float(value)


NUMBERS: Mapping[Any, str] = {
    int: "a whole number",
    int_or_none: "a whole number or none",
    float: "a number",
    float_or_none: "a number or none",
}


def converted(kind: Callable[[str], Any], text: str) -> Any:
    """`kind(text)`; raises `ValueError` that says what was expected, for numbers too."""
    try:
        return kind(text)
    except ValueError as error:
        if kind not in NUMBERS:
            raise
        raise ValueError(f"expected {NUMBERS[kind]}, found {text!r}") from error
