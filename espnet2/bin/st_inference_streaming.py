"""Translate streams with PyTorch: `python -m espnet2.bin.st_inference_streaming --help`, and upstream's class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.bin.export_onnx import CHUNK_OPTIONS
from espnet2.inference.arguments import add_recognizer_options
from espnet2.inference.st_inference_streaming import Speech2TextStreaming, translate
from espnet2.runtime.decode_arguments import add_decode_arguments
from espnet2.runtime.decode_streaming import add_piece_options
from espnet2.runtime.st_options import STOptions
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import ST
from espnet2.utils.upstream_options import add_other_options

__all__ = ["Speech2TextStreaming", "get_parser", "inference", "main"]


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.st_inference_streaming",
        description="Translate recordings as streams with a trained model, on PyTorch. Without an output directory, "
        "the translation is shown as it grows; with one, results are written as a recipe decodes.",
    )
    add_recognizer_options(parser, ST)
    for name, text in CHUNK_OPTIONS.items():
        parser.add_argument(f"--{name}", type=int, help=text)
    add_piece_options(parser)
    add_decode_arguments(parser, options=STOptions, task="st")
    add_other_options(parser, ST)
    return parser


def inference(**options: Any) -> int:
    """Translate as the command does, with its options as keywords; upstream's function of this name."""
    return translate(arguments(get_parser(), options))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), translate, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
