"""Translate recordings with PyTorch: `python -m espnet2.bin.st_inference --help`, and upstream's `Speech2Text`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.inference.arguments import add_recognizer_options
from espnet2.inference.st_inference import Speech2Text, add_source_options, translate
from espnet2.runtime.decode_arguments import add_decode_arguments
from espnet2.runtime.st_options import STOptions
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import ST
from espnet2.utils.upstream_options import add_other_options

__all__ = ["Speech2Text", "get_parser", "inference", "main"]


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.st_inference",
        description="Translate recordings with a trained model, on PyTorch. With recordings, the translation of each "
        "is one line of the output; with a list and an output directory, results are written as a recipe decodes.",
    )
    add_recognizer_options(parser, ST)
    add_source_options(parser)
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
