"""The verb `synthesize` of `espnet`: texts to samples."""

from __future__ import annotations

import argparse

from espnet2.runtime.cli.options import add_model_arguments, add_option
from espnet2.runtime.speak import speak_with_bundle
from espnet2.runtime.speak_arguments import add_speak_arguments
from espnet2.utils.types import str_or_none


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add texts, output and synthesis."""
    add_model_arguments(parser)
    add_speak_arguments(parser, log_level=False)
    add_option(parser, "vocoder", type=str_or_none, help="bundle of a vocoder, instead of the bundle's own")


def synthesize(args: argparse.Namespace) -> int:
    """Speak the texts; returns the exit status."""
    args.ngpu = int(args.device.startswith("cuda"))
    return speak_with_bundle(args)
