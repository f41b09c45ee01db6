"""Discrete units of texts with PyTorch: `python -m espnet2.bin.tts2_inference --help`, upstream's `Text2Speech`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.bin import tts_inference
from espnet2.inference.tts2_inference import Text2Speech
from espnet2.inference.tts_inference import synthesize
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser

__all__ = ["Text2Speech", "get_parser", "inference", "main"]


def get_parser() -> ArgumentParser:
    parser = tts_inference.get_parser()
    parser.prog = "python -m espnet2.bin.tts2_inference"
    parser.description = (
        "Discrete units of the speech of texts, and with a vocoder of units samples, by a trained model on PyTorch. "
        "With a list and an output directory, results are written as a recipe decodes."
    )
    return parser


def inference(**options: Any) -> int:
    """Speak as the command does, with its options as keywords; upstream's function of this name."""
    return synthesize(arguments(get_parser(), options))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), synthesize, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
