"""Help of every command: each of its options is explained."""

import argparse
import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import espnet2.bin

pytest.importorskip("torch")
DEFAULT = re.compile(r"\(default: [^)]*\)")
COMMANDS = [module.name for module in pkgutil.iter_modules(espnet2.bin.__path__) if module.name != "ctc_segment"]


def options_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All options and words of a parser and of its subcommands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for own in action.choices.values():
                yield from options_of(own)
        else:
            yield action


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command):
    parser = importlib.import_module(f"espnet2.bin.{command}").get_parser()
    found = [action.dest for action in options_of(parser) if not DEFAULT.sub("", action.help or "").strip()]
    assert not found
