"""Identify languages with PyTorch: `python -m espnet2.bin.lid_inference --help`, and `Speech2Lang`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.inference.arguments import add_pytorch_options
from espnet2.inference.lid_inference import TASKS, Speech2Lang, identify_recordings
from espnet2.runtime.lid_command import add_language_arguments
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.upstream_options import DTYPES

__all__ = ["Speech2Lang", "extract_embed_lid", "get_parser", "main"]


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.lid_inference",
        description="Identify the languages of recordings by embeddings of a trained model, on PyTorch.",
    )
    group = add_pytorch_options(parser, TASKS)
    group.add_argument("--dtype", default="float32", choices=DTYPES, help="of the computation (default: float32)")
    add_language_arguments(parser)
    return parser


def extract_embed_lid(args: argparse.Namespace) -> int:
    """Identify as the command does, with its options; upstream's function of this name."""
    return identify_recordings(args)


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), identify_recordings, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
