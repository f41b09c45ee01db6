"""Speak texts with a bundle, without PyTorch: `python -m espnet2.bin.tts_inference_onnx --help`."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2.runtime.speak import speak_with_bundle
from espnet2.runtime.speak_arguments import add_speak_arguments, add_synthesis_bundle_options
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.tts_inference_onnx",
        description="Speak texts with a bundle that espnet2.bin.export_onnx wrote. The samples of one text go to a "
        "file; with a list and an output directory, results are written as a recipe decodes.",
    )
    add_synthesis_bundle_options(parser)
    add_speak_arguments(parser)
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), speak_with_bundle, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
