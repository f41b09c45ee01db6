"""Options with mappings as values: `--encoder_conf output_size=96 --encoder_conf '{dropout_rate: 0.1}'`."""

from __future__ import annotations

import argparse
import copy
from typing import Any

from espnet2.interface.errors import OptionError
from espnet2.interface.yaml_document import parse_yaml

FORMS = "key=value, key.inner=value, or a mapping as YAML"


class NestedDictAction(argparse.Action):
    """Action that merges each use of the option into its mapping; keys of inner mappings are `outer.inner`."""

    def __call__(self, parser, namespace, values, option_string=None):
        """Merge one use of the option."""
        before = getattr(namespace, self.dest)
        found = copy.deepcopy(before) if isinstance(before, dict) else {}
        for value in values if isinstance(values, list) else [values]:
            try:
                merge(found, parse_mapping(value))
            except ValueError as error:
                raise argparse.ArgumentError(self, str(error)) from error
        setattr(namespace, self.dest, found)


def parse_mapping(text: str) -> dict[str, Any]:
    """Parse `key=value`, with a value in YAML, or a mapping in YAML; raises `ValueError`."""
    key, separator, value = text.partition("=")
    try:
        if separator and key.replace(".", "").replace("_", "").isalnum():
            found: Any = parse_yaml(value, key, OptionError)
            for name in reversed(key.split(".")):
                found = {name: found}
        else:
            found = parse_yaml(text, key, OptionError)
    except OptionError as error:
        raise ValueError(f"expected {FORMS}, found {text!r}") from error
    if not isinstance(found, dict):
        raise ValueError(f"expected {FORMS}, found {text!r}")
    return found


def merge(into: dict[str, Any], changes: dict[str, Any]) -> None:
    """Merge `changes` into `into` recursively."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value
