"""Export a trained model to a verified ONNX bundle: `python -m espnet2.bin.export_onnx --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.model_options import add_model_options, model_options
from espnet2.utils.types import str2bool


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.export_onnx",
        description="Export a trained model to ONNX, compare every graph with PyTorch, and write a bundle that "
        "espnet2.bin.asr_inference_onnx and espnet2.runtime run without PyTorch.",
    )
    add_model_options(parser)
    parser.add_argument("--output_dir", required=True, help="the bundle, a directory that is made or replaced")
    parser.add_argument(
        "--streaming",
        type=str2bool,
        default=False,
        help="export for recognition while someone speaks, with the encoder of streams (default: False)",
    )
    parser.add_argument("--quantize", choices=["int8"], help="add dynamically quantised graphs")
    parser.add_argument("--log_level", default="INFO", help="(default: INFO)")
    parser.add_argument(
        "recordings", nargs="*", help="speech to compare decoded text on (a generated signal where none is given)"
    )
    return parser


def export(args: argparse.Namespace) -> None:
    from espnet2.export.make_bundle import make_bundle

    make_bundle(args.output_dir, args.recordings, args.quantize, streaming=args.streaming, **model_options(args))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), export, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
