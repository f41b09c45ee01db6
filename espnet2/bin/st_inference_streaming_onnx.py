"""Translate speech with a bundle while it is spoken: `python -m espnet2.bin.st_inference_streaming_onnx --help`."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2.runtime.commands import recognize_streams
from espnet2.runtime.decode_arguments import add_decode_arguments, add_recognizer_bundle_options
from espnet2.runtime.decode_streaming import CHUNK_MS, add_piece_options
from espnet2.runtime.st_options import STOptions
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.model_options import ST
from espnet2.utils.upstream_options import add_other_options


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.st_inference_streaming_onnx",
        description="Translate speech while it is spoken, with a bundle that espnet2.bin.export_onnx --streaming true "
        "wrote. Recordings, and -, are those of espnet2.bin.asr_inference_streaming_onnx.",
    )
    add_recognizer_bundle_options(parser)
    add_piece_options(parser, CHUNK_MS)
    add_decode_arguments(parser, options=STOptions, task="st")
    add_other_options(parser, ST)
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), recognize_streams, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
