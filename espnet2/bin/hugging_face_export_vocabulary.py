"""Write a tokenizer's token list: `python -m espnet2.bin.hugging_face_export_vocabulary --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run
from espnet2.utils.config_argparse import PlainArgumentParser


def export_vocabulary(output: str, model_name_or_path: str, log_level: str, add_symbol: list[str]) -> None:
    """Write the tokens in the order of their indices, one on each line.

    Args:
        output: A file, or - for standard output.
        model_name_or_path: See `HuggingFaceTokenizer`.
        log_level: Without effect here; the command sets it.
        add_symbol: SYMBOL:PLACE of further tokens, such as `<blank>:0`; places below 0 count from the end.

    Raises:
        OptionError, MissingPackageError: As `HuggingFaceTokenizer`, and for a symbol without place.
    """
    from espnet2.recipe.tokens import Symbol, open_output
    from espnet2.text.hugging_face_tokenizer import HuggingFaceTokenizer

    symbols = [Symbol.parse(text) for text in add_symbol]
    vocabulary = HuggingFaceTokenizer(model_name_or_path).tokenizer.get_vocab(with_added_tokens=True)
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    for symbol in symbols:
        symbol.insert_into(tokens)
    with open_output(output) as file:
        file.writelines(f"{token}\n" for token in tokens)


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.hugging_face_export_vocabulary",
        description="Write the token list of a tokenizer of Hugging Face.",
    )
    parser.add_argument("--log_level", default="INFO", help="(default: INFO)")
    parser.add_argument("--output", "-o", required=True, help="token list, - for standard output")
    parser.add_argument("--model_name_or_path", required=True, help="directory with tokenizer.json, or a hub's name")
    parser.add_argument("--add_symbol", action="append", default=[], help="SYMBOL:PLACE, such as '<blank>:0'")
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), lambda args: export_vocabulary(**vars(args)), cmd)


if __name__ == "__main__":
    raise SystemExit(main())
