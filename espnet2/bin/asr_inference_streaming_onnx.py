"""Recognise speech with a bundle while it is spoken: `python -m espnet2.bin.asr_inference_streaming_onnx --help`."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2.runtime.commands import recognize_streams
from espnet2.runtime.decode_arguments import add_decode_arguments, add_recognizer_bundle_options
from espnet2.runtime.decode_streaming import CHUNK_MS, add_piece_options
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.upstream_options import add_other_options


def get_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m espnet2.bin.asr_inference_streaming_onnx",
        description="Recognise speech while it is spoken, with a bundle that espnet2.bin.export_onnx --streaming true "
        "wrote. The text of a recording is shown as it grows: on a terminal in one line, elsewhere, of one recording, "
        "as a line for each change, the last of which is final. The recording - is standard input: raw samples of 16 "
        "bits, little-endian, one channel, at the bundle's rate. With an output directory, results are written as a "
        "recipe decodes.",
    )
    add_recognizer_bundle_options(parser)
    add_piece_options(parser, CHUNK_MS)
    add_decode_arguments(parser)
    add_other_options(parser)
    return parser


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), recognize_streams, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
