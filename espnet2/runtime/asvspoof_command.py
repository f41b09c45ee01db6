"""Detection of spoofed speech in many recordings, as the commands of `espnet2.bin` do it."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable

from espnet2.runtime.asvspoof import SpeechAntiSpoof, SpoofDetector, SpoofOptions
from espnet2.runtime.bundle_arguments import bundle_options
from espnet2.runtime.inputs import add_recording_arguments
from espnet2.runtime.loop import Wording
from espnet2.runtime.map_commands import map_recordings
from espnet2.runtime.writers.tables import TableFiles
from espnet2.utils.option_arguments import add_fields, field_values

WORDING = Wording("score", "scored", "recordings", "detection")


def add_spoof_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of recordings and output."""
    add_recording_arguments(
        parser,
        recordings="recordings; the score of each is a line of the output",
        output="write prediction/score here",
    )
    add_fields(parser.add_argument_group("detection"), SpoofOptions)


def detect(args: argparse.Namespace, load: Callable[[], SpoofDetector]) -> int:
    """Score the recordings that the options name, with what `load` gives.

    Returns the exit status: 0, 1 where some recordings have no score, 2 where none has.
    """
    return map_recordings(
        args, load, WORDING, "{:.6f}".format, functools.partial(TableFiles, tables={"prediction/score": str})
    )


def detect_with_bundle(args: argparse.Namespace) -> int:
    """Score the recordings that the options name with a bundle; returns the exit status."""
    return detect(args, lambda: SpeechAntiSpoof(**bundle_options(args), **field_values(args, SpoofOptions)))
