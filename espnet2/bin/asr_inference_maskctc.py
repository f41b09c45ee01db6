"""Recognise recordings with a Mask-CTC model, on PyTorch: `python -m espnet2.bin.asr_inference_maskctc --help`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.bin import asr_inference
from espnet2.inference.asr_inference_maskctc import Speech2Text, recognize
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser

__all__ = ["Speech2Text", "get_parser", "inference", "main"]


def get_parser() -> ArgumentParser:
    parser = asr_inference.get_parser()
    parser.prog = "python -m espnet2.bin.asr_inference_maskctc"
    return parser


def inference(**options: Any) -> int:
    """Recognise as the command does, with its options as keywords; upstream's function of this name."""
    return recognize(arguments(get_parser(), options))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), recognize, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
