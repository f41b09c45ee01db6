"""Recognise streams with PyTorch: `python -m espnet2.bin.asr_inference_streaming --help`, and upstream's class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.bin.export_onnx import CHUNK_OPTIONS
from espnet2.inference.arguments import add_recognizer_options
from espnet2.inference.asr_inference_streaming import Speech2TextStreaming, recognize
from espnet2.runtime.decode_arguments import add_decode_arguments
from espnet2.runtime.decode_streaming import add_piece_options
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.upstream_options import add_other_options

__all__ = ["Speech2TextStreaming", "get_parser", "inference", "main"]


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.asr_inference_streaming",
        description="Recognise recordings as streams with a trained model, on PyTorch. Without an output directory, "
        "the text is shown as it grows; with one, results are written as a recipe decodes.",
    )
    add_recognizer_options(parser)
    for name, text in CHUNK_OPTIONS.items():
        parser.add_argument(f"--{name}", type=int, help=text)
    add_piece_options(parser)
    add_decode_arguments(parser)
    add_other_options(parser)
    return parser


def inference(**options: Any) -> int:
    """Recognise as the command does, with its options as keywords; upstream's function of this name."""
    return recognize(arguments(get_parser(), options))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), recognize, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
