"""Types of command line options (`type=` of `argparse`), which parse one string."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from espnet2.interface.errors import OptionError
from espnet2.interface.yaml_document import parse_yaml

TRUE = ("y", "yes", "t", "true", "on", "1")
FALSE = ("n", "no", "f", "false", "off", "0")
NONE = ("none", "null", "nil")


class UnfitValueError(argparse.ArgumentTypeError, ValueError):
    """Value that an option cannot have; `argparse` shows the text of the former class, upstream raises the latter."""


def str2bool(value: str) -> bool:
    """Parse `yes`, `true`, `on`, `1` and their opposites, in any case; raises `UnfitValueError` for anything else."""
    word = str(value).lower()
    if word not in TRUE + FALSE:
        raise UnfitValueError(f"expected one of {', '.join(TRUE + FALSE)}, found {value!r}")
    return word in TRUE


def str_or_none(value: str) -> str | None:
    """Parse `none`, `null`, `nil`, in any case, as None; return any other string."""
    return None if value.strip().lower() in NONE else value


def remove_parenthesis(value: str) -> str:
    """Strip white space and one pair of `()` or `[]`."""
    value = value.strip()
    return value[1:-1] if value[:1] + value[-1:] in ("()", "[]") else value


def remove_quotes(value: str) -> str:
    """Strip white space and one pair of quotation marks."""
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _items(value: str, names: str) -> list[str]:
    """As many items as `names` has, with commas between; raises `UnfitValueError` for others."""
    items = [remove_quotes(item) for item in remove_parenthesis(value).split(",")]
    if len(items) != len(names.split(",")):
        raise UnfitValueError(f"expected {names}, found {value!r}")
    return items


def str2pair_str(value: str) -> tuple[str, str]:
    """Parse two comma-separated strings, which may be quoted and in brackets."""
    first, second = _items(value, "first,second")
    return first, second


def str2triple_str(value: str) -> tuple[str, str, str]:
    """Parse path, name and type, which may be quoted and in brackets: `wav.scp,speech,sound`."""
    first, second, third = _items(value, "path,name,type")
    return first, second, third


def str_or_int(value: str) -> str | int:
    """Parse an integer; return any other string unchanged."""
    try:
        return int(value)
    except ValueError:
        return value


def humanfriendly_parse_size_or_none(value: str) -> int | None:
    """Parse a size in bytes, such as `3k`, `1.5GB` (powers of 1000) or `2 MiB` (of 1024), or `none`; raises
    `ValueError`."""
    if str_or_none(value) is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([kmgtp])(i?)(?:b|bytes?)?|b|bytes?)?", value.strip().lower())
    if found is None:
        raise UnfitValueError(f"expected a size such as 300, 3k, 1.5GB or 2MiB, found {value!r}")
    number, unit, binary = found.groups()
    power = 0 if unit is None else " kmgtp".index(unit)
    size = float(number) * (1024 if binary else 1000) ** power
    if not math.isfinite(size):
        raise UnfitValueError(f"expected a size such as 300, 3k, 1.5GB or 2MiB, found {value!r}")
    return int(size)


def int_or_none(value: str) -> int | None:
    """Parse an integer or `none`; raises `UnfitValueError`."""
    return _number_or_none(int, value)


def positive_int(value: str) -> int:
    """Parse an integer above 0; raises `UnfitValueError` for anything else."""
    if not value.isdecimal() or int(value) == 0:
        raise UnfitValueError(f"expected a whole number above 0, found {value!r}")
    return int(value)


def float_or_none(value: str) -> float | None:
    """Parse a number or `none`; raises `UnfitValueError`."""
    return _number_or_none(float, value)


def _number_or_none(kind: Callable[[str], Any], value: str) -> Any:
    try:
        return None if str_or_none(value) is None else kind(value)
    except ValueError as error:
        raise UnfitValueError(f"expected {NUMBERS[kind]} or none, found {value!r}") from error


def mapping_or_none(value: str) -> Any:
    """Options by name, written in one line of YAML: `{u_max: 100}`; None for nothing. Raises `UnfitValueError`."""
    try:
        found = parse_yaml(value, "options", OptionError)
    except OptionError:
        found = value
    if found is not None and not isinstance(found, dict):
        raise UnfitValueError(f"expected options such as {{name: value}}, found {value!r}")
    return found


NUMBERS: Mapping[Any, str] = {int: "a whole number", float: "a number"}


def converted(kind: Callable[[str], Any], text: str) -> Any:
    """Return `kind(text)`; raises a `ValueError` with the expected type."""
    try:
        return kind(text)
    except ValueError as error:
        if kind not in NUMBERS:
            raise
        raise ValueError(f"expected {NUMBERS[kind]}, found {text!r}") from error
