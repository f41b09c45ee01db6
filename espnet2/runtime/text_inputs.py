"""The inputs of a command that reads texts: lines that its options name, or a list."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.inputs import select
from espnet2.utils.cli import add_log_level
from espnet2.utils.text_stream import open_input
from espnet2.utils.types import str2bool, str2triple_str, str_or_none

STANDARD = "-"  # stands for standard input


@dataclass(frozen=True)
class Line:
    """A text under its key in files of results; messages name its place."""

    name: str
    place: str
    text: str


def add_text_arguments(field: str) -> Callable[[argparse.ArgumentParser], argparse._ArgumentGroup]:
    """Return the function that adds the options of texts, whose list is called `field`, and of output."""

    def add(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
        group = parser.add_argument_group("texts and output")
        group.add_argument("texts", nargs="*", help="texts; - reads one from each line of standard input")
        group.add_argument(
            "--data_path_and_name_and_type",
            type=str2triple_str,
            action="append",
            metavar=f"TEXT,{field},text",
            help="list of texts, instead of the texts themselves",
        )
        group.add_argument(
            "--allow_variable_data_keys",
            type=str2bool,
            default=False,
            help="leave out lists of other names instead of refusing them (default: False)",
        )
        group.add_argument("--key_file", type=str_or_none, help="file of the texts to read, in its order")
        group.add_argument("--output_dir", help="write 1best_recog/{text,token,token_int,score}, ... here")
        add_log_level(group)
        parser.set_defaults(text_field=field)
        return group

    return add


def find_lines(args: argparse.Namespace) -> list[Line]:
    """Texts in the order of the options.

    Raises:
        OptionError: No texts, or a list of another name or type.
        DataError: A list that cannot be read, no text in it, or a text of `--key_file` that it does not have.
    """
    if bool(args.texts) == bool(args.data_path_and_name_and_type):
        found = "both" if args.texts else "neither"
        raise OptionError(f"expected texts or --data_path_and_name_and_type, found {found}")
    triples = args.data_path_and_name_and_type
    lines = _of_list(triples, args) if triples else numbered_lines(args.texts)
    if not lines:
        raise DataError(f"{triples[0][0] if triples else 'standard input'}: expected at least one text, found none")
    return lines if args.key_file is None else select(lines, args.key_file, "texts")


def _of_list(triples: Sequence[tuple[str, str, str]], args: argparse.Namespace) -> list[Line]:
    field = args.text_field
    lists = [path for path, name, kind in triples if (name, kind) == (field, "text")]
    others = [name for _, name, kind in triples if (name, kind) != (field, "text")]
    if len(lists) != 1 or (others and not args.allow_variable_data_keys):
        found = " ".join(map(",".join, triples))
        raise OptionError(f"--data_path_and_name_and_type: expected one list PATH,{field},text, found {found}")
    (path,) = lists
    return [Line(key, f"{path}: {key}", text) for key, text in read_2columns_text(path).items()]


def numbered_lines(texts: Sequence[str]) -> list[Line]:
    """Texts with their number as name; those of standard input in the place of `-`."""
    lines: list[str] = []
    for text in texts:
        if text != STANDARD:
            lines.append(text)
            continue
        with open_input(text) as file:
            lines += [line.rstrip("\n") for line in file]
    width = len(str(len(lines)))
    return [Line(f"{index:0{width}d}", f"text {index}", line) for index, line in enumerate(lines, 1)]
