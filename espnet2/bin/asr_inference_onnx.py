"""Recognise recordings with a bundle, without PyTorch: `python -m espnet2.bin.asr_inference_onnx --help`."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.types import str2bool, str_or_none
from espnet2.utils.upstream_options import add_other_options, require_one_value

if TYPE_CHECKING:
    from espnet2.runtime.asr import Speech2Text


def get_parser() -> ArgumentParser:
    from espnet2.runtime.decode import add_decode_arguments

    parser = ArgumentParser(
        prog="python -m espnet2.bin.asr_inference_onnx",
        description="Recognise recordings with a bundle that espnet2.bin.export_onnx wrote. With recordings, the text "
        "of each is one line of the output; with a list and an output directory, results are written as a recipe "
        "decodes.",
    )
    add_bundle_options(parser)
    add_decode_arguments(parser)
    add_other_options(parser)
    return parser


def add_bundle_options(parser: argparse.ArgumentParser) -> None:
    """The options that name a bundle, and how it is run."""
    from espnet2.runtime.ngram import NGRAM_SCORERS

    group = parser.add_argument_group("model")
    group.add_argument("--bundle", required=True, help="directory that espnet2.bin.export_onnx wrote")
    group.add_argument("--ngram_file", type=str_or_none, help="KenLM model to use instead of the bundle's")
    group.add_argument("--ngram_scorer", default="full", help=f"{' or '.join(NGRAM_SCORERS)} (default: full)")
    group.add_argument(
        "--quantized", type=str2bool, nargs="?", const=True, default=False, help="run the bundle's int8 graphs"
    )
    group.add_argument("--num_threads", type=int, help="threads of the encoder (default: all cores)")
    group.add_argument("--ngpu", type=int, default=0, help="0: compute on the CPU; 1: on a GPU (default: 0)")


def bundle_options(args: argparse.Namespace) -> dict[str, Any]:
    """Their values and those of the search, as keywords of `Speech2Text` and `Speech2TextStreaming`."""
    from espnet2.runtime.decode import decode_options

    require_one_value(args)
    names = ("bundle", "ngram_file", "ngram_scorer", "quantized", "num_threads")
    device = "cuda" if args.ngpu > 0 else "cpu"
    return {**{name: getattr(args, name) for name in names}, "device": device, **decode_options(args)}


def inference(args: argparse.Namespace) -> int:
    from espnet2.runtime.decode import UtteranceRunner, decode

    return decode(args, lambda: UtteranceRunner(*_load(args)))


def _load(args: argparse.Namespace) -> tuple[Speech2Text, int]:
    from espnet2.runtime.asr import Speech2Text

    speech2text = Speech2Text(**bundle_options(args))
    logging.info("loaded %s: %s", args.bundle, ", ".join(speech2text.bundle.components))
    return speech2text, speech2text.sample_rate


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), inference, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
