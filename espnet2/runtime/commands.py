"""The commands that run the bundles of recognisers."""

from __future__ import annotations

import argparse

from espnet2.runtime.asr import class_of
from espnet2.runtime.asr_streaming import Speech2TextStreaming
from espnet2.runtime.decode import UtteranceRunner, decode
from espnet2.runtime.decode_arguments import recognizer_bundle_options
from espnet2.runtime.decode_prompted import utterance_runner
from espnet2.runtime.decode_streaming import StreamRunner, check_pieces, piece_samples


def recognize(args: argparse.Namespace) -> int:
    """Recognise the recordings that the options name; returns the exit status."""
    return decode(args, _whole)


def recognize_streams(args: argparse.Namespace) -> int:
    """Recognise the recordings that the options name, or standard input, as streams; returns the exit status."""
    check_pieces(args)
    return decode(args, _streams)


def _whole(args: argparse.Namespace) -> UtteranceRunner:
    return utterance_runner(class_of(args.task)(**recognizer_bundle_options(args)), args)


def _streams(args: argparse.Namespace) -> StreamRunner:
    speech2text = Speech2TextStreaming(**recognizer_bundle_options(args))
    return StreamRunner(speech2text, piece_samples(args, speech2text.sample_rate))
