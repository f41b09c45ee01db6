"""Rows that declare the keys of a task's configuration, and the options that they stand for."""

from __future__ import annotations

import argparse
import copy
import inspect
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from espnet2.tasks.choices import Choices, load_class
from espnet2.tasks.options import MAPPING, Key, Option
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str2bool, str_or_none

CHOICE = Key(hint=str | None)
# Arguments of classes that are no options: whether to train, and one that upstream leaves out.
GIVEN = frozenset({"train", "frontend_conf"})


@dataclass(frozen=True)
class Conf:
    """Mapping of the options of one class, which has no name to choose.

    Attributes:
        name: Key of the mapping.
        target: The class, as `module:Class`.
        default: {} or None, in a config that has no such key.
        written: Training writes every option of the class with its default.
    """

    name: str
    target: str
    default: Mapping[str, Any] | None = None
    written: bool = True


Row = Option | Choices | Conf


def options_of(rows: Iterable[Row]) -> Iterator[Option]:
    """Yield the options that rows stand for, in order: a choice is two, its name and the options of its class."""
    for row in rows:
        if isinstance(row, Option):
            yield row
        elif isinstance(row, Conf):
            default = conf_defaults(row.target) if row.written else row.default
            yield Option(row.name, MAPPING, default, f"options of {row.target.partition(':')[2]}")
        else:
            kind = str_or_none if row.optional else str
            shown = "one of " + ", ".join(row.classes)
            yield Option(row.section, kind, row.default, shown, tuple(row.classes), key=CHOICE)
            yield Option(f"{row.section}_conf", MAPPING, {}, f"options of the {row.section}")


def conf_defaults(target: str, given: Collection[str] = ()) -> dict[str, Any]:
    """Return the options of class `target` with their defaults, but those that are `given` by the task.

    Options whose defaults are classes have no values in YAML, and are left out.
    """
    found = {}
    for name, parameter in inspect.signature(load_class(target)).parameters.items():
        default = parameter.default
        left_out = name in GIVEN or name in given or isinstance(default, type)
        if not left_out and parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            found[name] = _plain(default)
    return found


def _plain(value: Any) -> Any:
    """Return a default as YAML holds it: tuples are lists."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, Mapping) else value


def add_options(parser: argparse.ArgumentParser, rows: Iterable[Row]) -> None:
    """Add the options that rows stand for to a parser."""
    for option in options_of(rows):
        if option.key.offered:
            parser.add_argument(f"--{option.name}", help=option.help, **_argument(option))


def _argument(option: Option) -> dict[str, Any]:
    """Return how `argparse` reads the option."""
    if option.kind is MAPPING:
        return {"action": NestedDictAction, "default": copy.deepcopy(option.default)}
    if option.append:
        return {"type": option.kind, "default": None, "action": "append"}
    read: dict[str, Any] = {"type": option.kind, "default": copy.deepcopy(option.default), "nargs": option.nargs}
    if option.kind is str2bool:
        read["metavar"] = "{true,false}"
    return read
