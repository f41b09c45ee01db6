"""Measure a language model by its perplexity on texts: `python -m espnet2.bin.lm_calc_perplexity --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import add_log_level, run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.types import float_or_none, str2bool, str2triple_str, str_or_none


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.lm_calc_perplexity",
        description="Write the perplexity of a language model on texts, and that of each text.",
    )
    parser.add_argument("--output_dir", required=True, help="output directory for ppl, base, utt2ntokens and utt2ppl")
    add_text_options(parser)
    parser.add_argument("--dtype", default="float32", choices=("float32",), help="must be float32")
    parser.add_argument("--batch_size", type=int, default=1, help="texts at a time (default: 1)")
    parser.add_argument("--log_base", type=float_or_none, help="base of the logarithms (default: e)")
    parser.add_argument("--train_config", type=str_or_none, help="config.yaml of the language model")
    parser.add_argument("--model_file", type=str_or_none, help="its weights")
    return parser


def add_text_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that read texts by a language model."""
    add_log_level(parser)
    parser.add_argument("--ngpu", type=int, default=0, help="0: compute on the CPU; 1: on a GPU (default: 0)")
    parser.add_argument("--seed", type=int, default=0, help="without effect")
    parser.add_argument("--num_workers", type=int, default=1, help="processes that read data (default: 1)")
    parser.add_argument(
        "--data_path_and_name_and_type",
        type=str2triple_str,
        action="append",
        required=True,
        help="the texts, as data/test/text,text,text",
    )
    parser.add_argument("--key_file", type=str_or_none, help="file of the utterances to read (default: all)")
    parser.add_argument("--allow_variable_data_keys", type=str2bool, default=False, help="allow other fields")


def command(args: argparse.Namespace) -> None:
    from espnet2.inference.perplexity import measure

    measure(args)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), command, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
