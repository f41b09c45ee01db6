"""Recognise speech with a bundle while it is spoken: `python -m espnet2.bin.asr_inference_streaming_onnx --help`."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from espnet2.bin.asr_inference_onnx import add_bundle_options, bundle_options
from espnet2.runtime.errors import OptionError
from espnet2.utils.cli import run
from espnet2.utils.config_argparse import ArgumentParser

if TYPE_CHECKING:
    from espnet2.runtime.decode_streaming import Streams

CHUNK_MS = 320.0
DAY_MS = 86_400_000


def get_parser() -> ArgumentParser:
    from espnet2.runtime.decode import add_decode_arguments

    parser = ArgumentParser(
        prog="python -m espnet2.bin.asr_inference_streaming_onnx",
        description="Recognise speech while it is spoken, with a bundle that espnet2.bin.export_onnx --streaming true "
        "wrote. The text of a recording is shown as it grows: on a terminal in one line, elsewhere, of one recording, "
        "as a line for each change, the last of which is final. The recording - is standard input: raw samples of 16 "
        "bits, little-endian, one channel, at the bundle's rate. With an output directory, results are written as a "
        "recipe decodes.",
    )
    add_bundle_options(parser)
    parser.add_argument(
        "--chunk_ms", type=float, default=CHUNK_MS, help="speech that comes at once, in ms (default: %(default)g)"
    )
    add_decode_arguments(parser)
    return parser


def inference(args: argparse.Namespace) -> int:
    from espnet2.runtime.decode import decode_by

    if not 0 < args.chunk_ms <= DAY_MS:
        raise OptionError(
            f"--chunk_ms: expected a number of milliseconds above 0, a day ({DAY_MS}) at most, found {args.chunk_ms:g}"
        )
    return decode_by(args, lambda: _load(args))


def _load(args: argparse.Namespace) -> Streams:
    from espnet2.runtime.asr_streaming import Speech2TextStreaming
    from espnet2.runtime.decode_streaming import Streams

    speech2text = Speech2TextStreaming(**bundle_options(args))
    logging.info("loaded %s: %s", args.bundle, ", ".join(speech2text.bundle.components))
    return Streams(speech2text, max(1, round(speech2text.sample_rate * args.chunk_ms / 1000)))


def main(cmd: Sequence[str] | None = None) -> int:
    return run(get_parser(), inference, cmd)


if __name__ == "__main__":
    raise SystemExit(main())
