"""Embed speakers with a bundle, without PyTorch: `python -m espnet2.bin.spk_inference_onnx --help`."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2.runtime.bundle_arguments import add_bundle_options
from espnet2.runtime.embed import add_embedding_arguments, embed_with_bundle
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.spk_inference_onnx",
        description="Embed the speakers of recordings with a bundle that espnet2.bin.export_onnx wrote, and compare "
        "them. With recordings, the embedding of each is one line of the output.",
    )
    add_bundle_options(parser)
    add_embedding_arguments(parser)
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, embed_with_bundle, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
