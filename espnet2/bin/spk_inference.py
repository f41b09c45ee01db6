"""Embed speakers with PyTorch: `python -m espnet2.bin.spk_inference --help`, and upstream's `Speech2Embedding`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espnet2.inference.arguments import add_mapper_options
from espnet2.inference.spk_inference import FILES, Speech2Embedding, embed_recordings
from espnet2.runtime.embed import add_embedding_arguments
from espnet2.utils.cli import arguments, run
from espnet2.utils.config_argparse import ArgumentParser

__all__ = ["Speech2Embedding", "get_parser", "inference", "main"]


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.spk_inference",
        description="Embed the speakers of recordings with a trained model, on PyTorch, and compare them. With "
        "recordings, the embedding of each is one line of the output.",
    )
    add_mapper_options(parser, FILES)
    add_embedding_arguments(parser)
    return parser


def inference(**options: Any) -> int:
    """Embed as the command does, with its options as keywords; upstream's function of this name."""
    return embed_recordings(arguments(get_parser(), options))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, embed_recordings, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
