"""Recognise speech with a bundle while it is spoken: `python -m espnet2.bin.asr_inference_streaming_onnx --help`."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from espnet2.bin.asr_inference_onnx import add_bundle_options, bundle_options
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser
from espnet2.utils.upstream_options import add_other_options

if TYPE_CHECKING:
    from espnet2.runtime.decode_streaming import StreamRunner

CHUNK_MS = 320.0


def get_parser() -> ArgumentParser:
    from espnet2.runtime.decode import add_decode_arguments
    from espnet2.runtime.decode_streaming import add_piece_options

    parser = ArgumentParser(
        prog="python -m espnet2.bin.asr_inference_streaming_onnx",
        description="Recognise speech while it is spoken, with a bundle that espnet2.bin.export_onnx --streaming true "
        "wrote. The text of a recording is shown as it grows: on a terminal in one line, elsewhere, of one recording, "
        "as a line for each change, the last of which is final. The recording - is standard input: raw samples of 16 "
        "bits, little-endian, one channel, at the bundle's rate. With an output directory, results are written as a "
        "recipe decodes.",
    )
    add_bundle_options(parser)
    add_piece_options(parser, CHUNK_MS)
    add_decode_arguments(parser)
    add_other_options(parser)
    return parser


def inference(args: argparse.Namespace) -> int:
    from espnet2.runtime.decode import decode
    from espnet2.runtime.decode_streaming import check_pieces

    check_pieces(args)
    return decode(args, lambda: _load(args))


def _load(args: argparse.Namespace) -> StreamRunner:
    from espnet2.runtime.asr_streaming import Speech2TextStreaming
    from espnet2.runtime.decode_streaming import StreamRunner, piece_samples

    speech2text = Speech2TextStreaming(**bundle_options(args))
    logging.info("loaded %s: %s", args.bundle, ", ".join(speech2text.bundle.components))
    return StreamRunner(speech2text, piece_samples(args, speech2text.sample_rate))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), inference, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
