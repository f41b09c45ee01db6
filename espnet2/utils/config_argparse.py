"""`argparse` parser with `--config FILE`: options from a YAML file, overridden by those of the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NoReturn

from espnet2.interface.errors import OptionError, kind_of, listed, printable, shortened
from espnet2.utils.types import converted
from espnet2.utils.yaml_file import read_yaml

SHOWN = 80  # characters of a key in an error


class PlainArgumentParser(argparse.ArgumentParser):
    """Parser that reports an error in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Print `message` and end with exit status 2."""
        self.exit(2, shortened(printable(f"{self.prog}: {message} (--help lists the options)")) + "\n")

    def _get_option_tuples(self, option_string: str) -> list[Any]:
        """As `argparse`'s, without further spellings of an option, between which an abbreviation cannot choose."""
        found = {id(match[0]): match for match in reversed(super()._get_option_tuples(option_string))}
        return [*found.values()][::-1]


class ArgumentParser(PlainArgumentParser):
    """Parser that reads the file of `--config` before the command line.

    If the file cannot be read, is no mapping, or has an unknown key, `parse_args` exits with status 2 and
    `parse_known_args` raises `OptionError`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_argument("--config", help="YAML file of options; the command line overrides it")

    def parse_args(self, args=None, namespace=None):
        """As `argparse`'s, with the file's values as defaults."""
        try:
            return super().parse_args(args, namespace)
        except OptionError as error:
            self.error(str(error))

    def parse_known_args(self, args=None, namespace=None):
        """As `argparse`'s, with the file's values as defaults."""
        pre = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        pre.add_argument("--config")
        known, _ = pre.parse_known_args(args)
        lists = {} if known.config is None else self._set_from(known.config)
        found, rest = super().parse_known_args(args, namespace)
        for name, value in lists.items():
            if getattr(found, name) is None:
                setattr(found, name, value)
        return found, rest

    def _set_from(self, path: str) -> dict[str, list[Any]]:
        """Make the file's values defaults; return those of options that append, which argparse would append to."""
        lists: dict[str, list[Any]] = {}
        options = {action.dest for action in self._actions if action.option_strings} - {"help", "config"}
        for name, value in read_yaml_mapping(path).items():
            if name not in options:
                found, known = shortened(repr(name), SHOWN), listed(sorted(options), name)
                raise OptionError(f"{path}: expected options of this command, found {found}; known ones: {known}")
            lists |= self.set_option(path, name, value)
        return lists

    def set_option(self, path: str, name: str, value: Any) -> dict[str, list[Any]]:
        """Make `value` of a file the default of an option; return it where the option appends."""
        action = next(action for action in self._actions if action.dest == name)
        action.required = False
        if isinstance(action, argparse._AppendAction) and value is not None:
            items = value if isinstance(value, list) else [value]
            return {name: [self._get_value_of(path, action, item) for item in items]}
        self.set_defaults(**{name: self._get_value_of(path, action, value)})
        return {}

    def _get_value_of(self, path: str, action: argparse.Action, value: Any) -> Any:
        """The value as the option's type would read it from the command line; of a list, each item where it may be."""
        if action.nargs in ("*", "+") and value is not None:
            items = value if isinstance(value, list) else [value]
            return [self._get_item_of(path, action, item) for item in items]
        return self._get_item_of(path, action, value)

    def _get_item_of(self, path: str, action: argparse.Action, value: Any) -> Any:
        convert: Any = action.type or str
        if value is None or (action.nargs == 0 and isinstance(value, bool | int)):
            return value  # switches and counts take no text
        try:
            value = converted(convert, _text_of(value))
        except (TypeError, ValueError, argparse.ArgumentTypeError) as error:
            raise OptionError(f"{path}: {action.dest}: {error}") from error
        if action.choices is not None and value not in action.choices:
            raise OptionError(f"{path}: {action.dest}: expected one of {list(action.choices)}, found {value!r}")
        return value


def _text_of(value: Any) -> str:
    """Convert a value of a YAML file to its form on a command line; null, true and the like inside are unchanged."""
    if not isinstance(value, dict | list):
        return str(value)
    import yaml

    return yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=sys.maxsize
    ).strip()


def read_yaml_mapping(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file, read by the safe loader; raises `OptionError` for anything else."""
    data = read_yaml(path, "a YAML file of options", OptionError)
    if not isinstance(data, dict):
        raise OptionError(f"{path}: expected a mapping of options, found {kind_of(data)}")
    return data
