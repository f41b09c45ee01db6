"""Command line options derived from a dataclass of options, whose fields have `help` (and `kind`) as metadata."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any

from espnet2.utils.types import mapping_or_none, str2bool

# Parsers of command line words by the type of the default, where that type itself is not the parser.
KINDS: dict[type, Callable[[str], Any]] = {bool: str2bool, type(None): mapping_or_none}


def add_fields(
    parser: argparse._ActionsContainer,
    options: Any,
    leave_out: Collection[str] = (),
    defaults: Mapping[str, Any] | None = None,
) -> None:
    """Add an option for each field of the dataclass `options`, with its help, and its default or that of `defaults`.

    The metadata `kind` reads the option's text; where it is None or missing, the type of the default does.
    """
    for option in fields(options):
        if option.name not in leave_out:
            kind = option.metadata.get("kind") or KINDS.get(type(option.default), type(option.default))
            default = (defaults or {}).get(option.name, option.default)
            text = f"{option.metadata['help']} (default: {default})"
            parser.add_argument(f"--{option.name}", type=kind, default=default, help=text)


def field_values(args: argparse.Namespace, options: Any) -> dict[str, Any]:
    """The values of the options of `add_fields`, those that were not left out, as keywords of the dataclass."""
    return {option.name: getattr(args, option.name) for option in fields(options) if hasattr(args, option.name)}
