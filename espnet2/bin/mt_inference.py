"""Translate texts with PyTorch: `python -m espnet2.bin.mt_inference --help`, and upstream's `Text2Text`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.inference.arguments import add_recognizer_options
from espnet2.inference.mt_inference import Text2Text, translate
from espnet2.runtime.decode_arguments import add_decode_arguments
from espnet2.runtime.mt import SOURCE
from espnet2.runtime.mt_options import OF_SPEECH, MTOptions
from espnet2.runtime.text_inputs import add_text_arguments
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import MT
from espnet2.utils.upstream_options import add_other_options

__all__ = ["Text2Text", "get_parser", "inference", "main"]


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.mt_inference",
        description="Translate texts, or recognise discrete units of speech, with a trained model, on PyTorch. With "
        "texts, the translation of each is one line of the output; with a list and an output directory, results are "
        "written as a recipe decodes.",
    )
    add_recognizer_options(parser, MT)
    add_decode_arguments(parser, OF_SPEECH, MTOptions, "mt", add_text_arguments(SOURCE))
    add_other_options(parser, MT)
    return parser


def inference(**options: Any) -> int:
    """Translate as the command does, with its options as keywords; upstream's function of this name."""
    return translate(arguments(get_parser(), options))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), translate, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
