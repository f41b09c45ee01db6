"""Options of the commands that speak texts."""

from __future__ import annotations

import argparse
from typing import Any

from espnet2.runtime.bundle_arguments import add_bundle_options, bundle_options
from espnet2.runtime.pictures import CHOICES, SOME
from espnet2.runtime.synthesis_options import OF_COMMANDS, SynthesisOptions
from espnet2.utils.cli import add_log_level
from espnet2.utils.option_arguments import add_fields, field_values
from espnet2.utils.types import str2bool, str2triple_str, str_or_none

NUMBERS = {"sids": "speaker", "lids": "language"}
OTHERS = "speech, spembs, sids, lids, durations, pitch, energy"


def add_speak_arguments(parser: argparse.ArgumentParser, log_level: bool = True) -> None:
    """Add the options of texts, output, logs and synthesis, under upstream's names and with its defaults."""
    group = parser.add_argument_group("texts and output")
    group.add_argument("texts", nargs="*", help="texts to speak; - reads one from each line of standard input")
    group.add_argument(
        "--data_path_and_name_and_type",
        type=str2triple_str,
        action="append",
        metavar="TEXT,text,text",
        help=f"list of texts, instead of the texts themselves, and lists of what goes with them: {OTHERS}",
    )
    group.add_argument(
        "--allow_variable_data_keys",
        type=str2bool,
        default=False,
        help="leave out lists of other names instead of refusing them (default: False)",
    )
    for name, noun in NUMBERS.items():
        group.add_argument(
            f"--{name}", type=int, help=f"number of the {noun} of all texts, where the model has several"
        )
    group.add_argument("--key_file", type=str_or_none, help="file of the texts to speak, in its order")
    group.add_argument(
        "-o", "--output", help="write the samples of one text to this file, as text.wav; -: stream them to stdout"
    )
    group.add_argument(
        "--stream",
        type=str2bool,
        default=False,
        help="write samples to --output while they are computed; to stdout, and to .raw, as raw 16-bit PCM "
        "(default: False)",
    )
    group.add_argument("--output_dir", help="write wav/, norm/, denorm/, durations/, speech_shape/, ... here")
    group.add_argument(
        "--pictures",
        choices=CHOICES,
        default=SOME,
        help="pictures in --output_dir, where matplotlib is installed: none, attention and probability of the end "
        f"(att_ws/, probs/), or also waveform and features (pictures/) (default: {SOME})",
    )
    if log_level:
        add_log_level(group)
    group = parser.add_argument_group("synthesis")
    add_fields(group, SynthesisOptions, defaults=OF_COMMANDS)


def synthesis_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of synthesis, as keywords of `Text2Speech`."""
    return field_values(args, SynthesisOptions)


def add_synthesis_bundle_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the bundles of a synthesiser and of a vocoder, and say how they are run."""
    group = add_bundle_options(parser)
    group.add_argument("--vocoder", type=str_or_none, help="bundle of a vocoder, instead of the bundle's own")


def synthesis_bundle_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of bundles and synthesis, as keywords of `espnet2.runtime.Text2Speech`."""
    return {**bundle_options(args), "vocoder": args.vocoder, **synthesis_options(args)}
