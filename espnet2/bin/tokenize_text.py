"""Split texts into tokens, or make a list of tokens: `python -m espnet2.bin.tokenize_text --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.recipe.vocabularies import tokenize
from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.types import str2bool, str_or_none


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.tokenize_text",
        description="Split each line of a text into tokens, with blanks between them, or count tokens and write a "
        "token list, one on each line.",
    )
    parser.add_argument("--input", "-i", required=True, help="text, - for standard input")
    parser.add_argument("--output", "-o", required=True, help="output file, - for standard output")
    parser.add_argument("--field", "-f", type=str_or_none, help="columns to read, from 1: 2-, 2-5, -5")
    parser.add_argument("--token_type", "-t", default="char", help="char, bpe, word, phn, … (default: char)")
    parser.add_argument("--delimiter", "-d", type=str_or_none, help="between words (default: any white space)")
    parser.add_argument("--space_symbol", default="<space>", help="token of a space (default: <space>)")
    parser.add_argument("--bpemodel", type=str_or_none, help="SentencePiece model of token_type bpe")
    parser.add_argument("--non_linguistic_symbols", type=str_or_none, help="file of symbols that are one token each")
    parser.add_argument(
        "--remove_non_linguistic_symbols",
        type=str2bool,
        default=False,
        help="leave out the symbols of --non_linguistic_symbols (default: false)",
    )
    parser.add_argument("--cleaner", type=str_or_none, help="text normalisation before")
    parser.add_argument(
        "--g2p",
        type=str_or_none,
        help="from letters to phonemes, for token_type phn (default: none, texts are phonemes)",
    )
    add_log_level(parser)
    group = parser.add_argument_group("token lists")
    group.add_argument("--write_vocabulary", type=str2bool, default=False, help="write a list of tokens")
    group.add_argument("--vocabulary_size", type=int, default=0, help="most tokens (default: 0, unlimited)")
    group.add_argument("--cutoff", type=int, default=0, help="drop tokens of this frequency or less (default: 0)")
    group.add_argument("--add_symbol", action="append", default=[], help="SYMBOL:PLACE, such as '<blank>:0'")
    group.add_argument(
        "--add_nonsplit_symbol", action="append", default=[], help="SYMBOL:PLACE of a symbol that is never split"
    )
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), tokenize, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
