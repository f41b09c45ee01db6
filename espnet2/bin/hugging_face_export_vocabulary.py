"""Write a tokenizer's token list: `python -m espnet2.bin.hugging_face_export_vocabulary --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.recipe.vocabularies import export_hugging_face as export_vocabulary
from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import PlainArgumentParser

__all__ = ["export_vocabulary", "get_parser", "main"]


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.hugging_face_export_vocabulary",
        description="Write the token list of a tokenizer of Hugging Face.",
    )
    add_log_level(parser)
    parser.add_argument("--output", "-o", required=True, help="token list, - for standard output")
    parser.add_argument("--model_name_or_path", required=True, help="directory with tokenizer.json, or a hub's name")
    parser.add_argument("--add_symbol", action="append", default=[], help="SYMBOL:PLACE, such as '<blank>:0'")
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), lambda args: export_vocabulary(**vars(args)), cmd)


if __name__ == "__main__":
    raise SystemExit(main())
