"""Classify recordings with a bundle, without PyTorch: `python -m espnet2.bin.cls_inference_onnx --help`."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2.runtime.bundle_arguments import add_bundle_options
from espnet2.runtime.cls_command import add_class_arguments, classify_with_bundle
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.cls_inference_onnx",
        description="Classify recordings with the bundle of a classifier.",
    )
    add_bundle_options(parser)
    add_class_arguments(parser)
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser, classify_with_bundle, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
