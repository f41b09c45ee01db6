"""Command line options of a dataclass."""

import argparse
from dataclasses import dataclass, field

from espnet2.utils.option_arguments import add_fields, field_values
from espnet2.utils.types import str_or_none


@dataclass(frozen=True)
class Options:
    """One field for each kind of default."""

    speed: float = field(default=1.0, metadata={"help": "speed"})
    greedy: bool = field(default=False, metadata={"help": "greedy", "kind": None})
    rules: dict | None = field(default=None, metadata={"help": "rules"})
    name: str | None = field(default=None, metadata={"help": "name", "kind": str_or_none})


def parse(*words: str, leave_out=()):
    parser = argparse.ArgumentParser()
    add_fields(parser, Options, leave_out)
    return parser.parse_args(words)


def test_defaults():
    assert Options(**field_values(parse(), Options)) == Options()


def test_values():
    words = ["--speed", "2", "--greedy", "yes", "--rules", "{beams: 3}", "--name", "none"]
    assert field_values(parse(*words), Options) == {"speed": 2.0, "greedy": True, "rules": {"beams": 3}, "name": None}


def test_fields_that_are_left_out():
    assert not hasattr(parse(leave_out=["speed"]), "speed")
