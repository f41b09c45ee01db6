"""Speak texts with PyTorch: `python -m espnet2.bin.tts_inference --help`, and upstream's `Text2Speech`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.inference.tts_inference import Text2Speech, synthesize
from espnet2.runtime.speak_arguments import add_speak_arguments
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.types import str_or_none

__all__ = ["Text2Speech", "get_parser", "inference", "main"]

FILES = {
    "train_config": "config.yaml of the synthesiser",
    "model_file": "weights of the synthesiser",
    "model_tag": "packed model (.zip, .tar.gz), or its name on the Hugging Face hub, instead of the files above",
    "vocoder_config": "configuration of the vocoder (default: config.yml beside it), or options of Griffin-Lim",
    "vocoder_file": "weights of the vocoder (default: none; samples by Griffin-Lim)",
    "vocoder_tag": "file of a vocoder's weights",
}


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.tts_inference",
        description="Speak texts with a trained model, on PyTorch. The samples of one text go to a file; with a list "
        "and an output directory, results are written as a recipe decodes.",
    )
    group = parser.add_argument_group("trained model")
    for name, text in FILES.items():
        group.add_argument(f"--{name}", type=str_or_none, help=text)
    group.add_argument("--ngpu", type=int, default=0, help="0: compute on the CPU; 1: on a GPU (default: 0)")
    group.add_argument("--dtype", default="float32", help="of floating point numbers (default: float32)")
    group.add_argument("--num_workers", type=int, default=1, help="not used")
    add_speak_arguments(parser)
    return parser


def inference(**options: Any) -> int:
    """Speak as the command does, with its options as keywords; upstream's function of this name."""
    return synthesize(arguments(get_parser(), options))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), synthesize, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
