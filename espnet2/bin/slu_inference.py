"""Understand recordings with PyTorch: `python -m espnet2.bin.slu_inference --help`, and `Speech2Understand`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.inference.arguments import add_recognizer_options
from espnet2.inference.slu_inference import Speech2Understand, understand
from espnet2.runtime.decode_arguments import add_decode_arguments
from espnet2.runtime.slu_options import SLUOptions
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import SLU
from espnet2.utils.upstream_options import add_other_options

__all__ = ["Speech2Understand", "get_parser", "inference", "main"]


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.slu_inference",
        description="Understand recordings (intents, entities, summaries) with a trained model, on PyTorch. With "
        "recordings, the text of each is one line of the output; with a list and an output directory, results are "
        "written as a recipe decodes.",
    )
    add_recognizer_options(parser, SLU)
    add_decode_arguments(parser, options=SLUOptions, task="slu")
    add_other_options(parser, SLU)
    return parser


def inference(**options: Any) -> int:
    """Understand as the command does, with its options as keywords; upstream's function of this name."""
    return understand(arguments(get_parser(), options))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), understand, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
