"""Classify recordings with PyTorch: `python -m espnet2.bin.cls_inference --help`, and upstream's `Classification`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.inference.arguments import add_mapper_options
from espnet2.inference.cls_inference import FILES, Classification, classify_recordings
from espnet2.runtime.cls_command import add_class_arguments
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser

__all__ = ["Classification", "get_parser", "inference", "main"]


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.cls_inference",
        description="Classify recordings with a trained classifier, on PyTorch.",
    )
    add_mapper_options(parser, FILES)
    add_class_arguments(parser)
    return parser


def inference(**options: Any) -> int:
    """Classify recordings as the command does, with its options as keywords; upstream's function of this name."""
    return classify_recordings(arguments(get_parser(), options))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, classify_recordings, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
