"""Export a trained model to a verified ONNX bundle: `python -m espnet2.bin.export_onnx --help`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.utils.cli import run
from espnet2.utils.config_argparse import PlainArgumentParser
from espnet2.utils.model_options import add_model_options, model_options
from espnet2.utils.types import str2bool

CHUNK_OPTIONS = {
    "chunk_size": "encoder frames of a chunk of a stream, for an encoder that takes chunks of any size (default: 16)",
    "left_context": "encoder frames before a chunk that it attends to (default: 32)",
    "right_context": "encoder frames after a chunk that it attends to, and waits for (default: 0)",
}


def get_parser() -> argparse.ArgumentParser:
    parser = PlainArgumentParser(
        prog="python -m espnet2.bin.export_onnx",
        description="Export a trained model to ONNX, compare every graph with PyTorch, and write a bundle that "
        "espnet2.runtime and the commands that end in _onnx run without PyTorch.",
    )
    add_model_options(parser, None)
    parser.add_argument("--output_dir", required=True, help="directory of the bundle, created or replaced")
    parser.add_argument(
        "--streaming",
        type=str2bool,
        default=False,
        help="export for streaming recognition (default: False)",
    )
    for name, text in CHUNK_OPTIONS.items():
        parser.add_argument(f"--{name}", type=int, help=text)
    parser.add_argument("--quantize", choices=["int8"], help="add dynamically quantised graphs")
    parser.add_argument("--log_level", default="INFO", help="(default: INFO)")
    parser.add_argument(
        "recordings", nargs="*", help="recordings or texts whose results are compared (default: generated signals)"
    )
    return parser


def export(args: argparse.Namespace) -> None:
    from espnet2.export.make_bundle import make_bundle

    make_bundle(
        args.output_dir,
        args.recordings,
        args.quantize,
        streaming=args.streaming,
        chunks={name: getattr(args, name) for name in CHUNK_OPTIONS},
        **model_options(args, None),
    )


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), export, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
