"""Choices of classes in a config, and construction of the chosen class from its options.

A class is imported when it is chosen, and nothing is imported that is not in a table.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typeguard

from espnet2.interface.errors import ConfigError, listed, reason_of, shortened
from espnet2.torch_utils.size_limit import require_sizes

# Errors of constructors for values that they, or PyTorch's layers, cannot work with.
REFUSALS = (ValueError, TypeError, RuntimeError, ArithmeticError, AssertionError, LookupError, MemoryError)
ABSENT = ("none", "null", "nil")  # spellings of null that upstream accepts
SHOWN = 80  # characters of a value in an error


@dataclass(frozen=True)
class Choices:
    """Classes that a config's key may name, with their options in a second key, `SECTION_conf`.

    Attributes:
        section: The key.
        classes: Choice in lower case, and its class as `module:Class`.
        default: Choice of a config that has no such key.
        optional: Null is allowed.
        files: Options of the classes that name files, which have to exist.
        part_of_model: Numbers in the options are sizes, which are bounded.
    """

    section: str
    classes: Mapping[str, str]
    default: str | None = None
    optional: bool = False
    files: tuple[str, ...] = ()
    part_of_model: bool = True

    def only(self, *names: str) -> Choices:
        """Return these choices alone, in this order."""
        return dataclasses.replace(self, classes={name: self.classes[name] for name in names})

    def build(self, choice: str | None, conf: Mapping[str, Any] | None, **given: Any) -> Any:
        """Build the chosen object, or return None; raises `ConfigError` for an unknown choice and for bad options."""
        if choice is None or choice.lower() in ABSENT:
            if self.optional:
                return None
            raise ConfigError(f"{self.section}: expected one of {listed(self.classes)}, found null")
        if choice.lower() not in self.classes:
            known = listed(self.classes, choice) or "null"
            raise ConfigError(f"{self.section}: expected one of {known}, found {shortened(repr(choice), SHOWN)}")
        make = build if self.part_of_model else construct
        return make(f"{self.section}_conf", self.classes[choice.lower()], conf, **given)


OPEN = inspect.Parameter.VAR_KEYWORD  # of a constructor that checks the names of further options itself


def load_class(target: str) -> type:
    """Import the class that `module:Class` names."""
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)


def build(section: str, target: str, conf: Mapping[str, Any] | None, **given: Any) -> Any:
    """Build a part of a model as `construct` does; raises `ConfigError` for sizes that no model has, too."""
    require_sizes(section, conf or {})
    return construct(section, target, conf, **given)


def construct(section: str, target: str, conf: Mapping[str, Any] | None, **given: Any) -> Any:
    """Call class `target` with the options `conf` of a config's `section`, and with what the task gives.

    Raises `ConfigError` for an option that the constructor does not take, one that it misses, a value of another type,
    or a value that the constructor itself refuses.
    """
    cls: Any = load_class(target)
    conf = conf or {}
    parameters = dict(inspect.signature(cls).parameters)
    known = [name for name, parameter in parameters.items() if name not in given and parameter.kind is not OPEN]
    takes_more = any(parameter.kind is OPEN for parameter in parameters.values())
    for name in conf:
        if name not in known and (name in given or not takes_more):
            one_of = f"an option of {cls.__name__} ({listed(known, name)})"
            raise ConfigError(f"{section}.{shortened(str(name), SHOWN)}: expected {one_of}, found an unknown name")
    for name in known:
        if name not in conf and parameters[name].default is inspect.Parameter.empty:
            raise ConfigError(f"{section}.{name}: expected a value, which {cls.__name__} needs, found none")
    hints = _hints(cls)
    conf = {name: _tuple_if_hinted(value, hints.get(name, Any)) for name, value in conf.items()}
    for name, value in conf.items():
        check_value(f"{section}.{name}", value, hints.get(name, Any))
    try:
        return cls(**conf, **given)
    except ConfigError:
        raise
    except REFUSALS as error:
        raise ConfigError(f"{section}: {_refusal(error, cls.__name__)}") from error


def _refusal(error: Exception, name: str) -> str:
    """The sentence of a constructor's error, or one about what class `name` is built from with its reason."""
    reason = reason_of(error)
    own = "expected" in reason and "found" in reason  # PyTorch's errors about types have the first word, too
    return reason if own else f"expected values that {name} can be built from, found: {reason}"


def _hints(cls: Any) -> dict[str, Any]:
    """Return the types of the constructor's arguments; none where it names types that only a type checker imports."""
    try:
        return typing.get_type_hints(cls.__init__)
    except NameError:
        return {}


def _tuple_if_hinted(value: Any, hint: Any) -> Any:
    """Return a list, which YAML has in the place of tuples, as a tuple where that is the type of an option."""
    kinds = [typing.get_origin(item) for item in (hint, *typing.get_args(hint))]
    return tuple(value) if isinstance(value, list) and tuple in kinds and list not in kinds else value


def check_value(name: str, value: Any, hint: Any) -> None:
    """Raise `ConfigError` when `value` of option `name` is not of type `hint`."""
    try:
        typeguard.check_type(value, hint, collection_check_strategy=typeguard.CollectionCheckStrategy.ALL_ITEMS)
    except typeguard.TypeCheckError:
        raise ConfigError(f"{name}: expected {describe(hint)}, found {found_in(value, hint)}") from None


def found_in(value: Any, hint: Any) -> str:
    """Describe a value that is not of type `hint`, or the first item of a list that is not of the items' type."""
    item = typing.get_args(hint)[:1]
    if isinstance(value, list) and item and typing.get_origin(hint) in (list, Sequence):
        for place, one in enumerate(value, 1):
            if not _is(one, item[0]):
                advice = f"; write '{one}' with quotes" if item[0] is str and isinstance(one, int | float) else ""
                return f"{found_in(one, item[0])} as item {place} of {len(value)}{advice}"
    return "null" if value is None else f"{type(value).__name__} {shortened(repr(value), SHOWN)}"


def _is(value: Any, hint: Any) -> bool:
    try:
        typeguard.check_type(value, hint)
    except typeguard.TypeCheckError:
        return False
    return True


def describe(hint: Any) -> str:
    """Describe a type: `int`, `float or null`, `list of str`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in (None, types.NoneType):
        return "null"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe(argument) for argument in arguments)
    name = getattr(origin or hint, "__name__", str(hint)).lower()
    return f"{name} of {describe(arguments[0])}" if len(arguments) == 1 else name
