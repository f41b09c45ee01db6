"""Identify languages with PyTorch: `python -m espnet2.bin.s2t_inference_language --help`, and `Speech2Language`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.inference.arguments import add_pytorch_options
from espnet2.inference.s2t_inference_language import MODEL_OPTIONS, Speech2Language, identify_recordings
from espnet2.runtime.identify import add_language_arguments
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import S2T
from espnet2.utils.upstream_options import plain_value

__all__ = ["Speech2Language", "get_parser", "inference", "main"]


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.s2t_inference_language",
        description="Identify the languages of recordings with a trained model of many tasks, on PyTorch.",
    )
    group = add_pytorch_options(parser, S2T)
    for name, value in MODEL_OPTIONS.items():
        group.add_argument(f"--{name}", type=plain_value, default=value, help=f"as upstream (default: {value})")
    for name, value in (("seed", 0), ("num_workers", 1), ("batch_size", 1)):
        group.add_argument(f"--{name}", type=int, default=value, help="without effect, recordings are read one by one")
    add_language_arguments(parser)
    return parser


def inference(**options: Any) -> int:
    """Identify as the command does, with its options as keywords; upstream's function of this name."""
    return identify_recordings(arguments(get_parser(), options))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), identify_recordings, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
