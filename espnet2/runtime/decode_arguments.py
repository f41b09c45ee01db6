"""Options of the commands that recognise recordings."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from typing import Any

from espnet2.runtime.bundle_arguments import add_bundle_options, bundle_options
from espnet2.runtime.inputs import add_recording_arguments
from espnet2.runtime.ngram import NGRAM_SCORERS
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.processes import add_process_option
from espnet2.utils.option_arguments import add_fields, field_values
from espnet2.utils.types import mapping_or_none, str_or_none
from espnet2.utils.upstream_options import require_one_value


def add_decode_arguments(
    parser: argparse.ArgumentParser,
    leave_out: Collection[str] = (),
    options: type[DecodeOptions] = DecodeOptions,
    task: str = "asr",
    add_inputs: Callable[[argparse.ArgumentParser], argparse._ArgumentGroup] = add_recording_arguments,
) -> None:
    """Add the options of recordings (or other inputs), output and search, under upstream's names, with its defaults.

    A command of the task `asr` runs bundles of any search, others those of their task.
    """
    inputs = add_inputs(parser)
    add_process_option(inputs)
    group = parser.add_argument_group("search")
    add_fields(group, options, leave_out)
    parser.set_defaults(search_options=options, further_data=options.further_data, task=task)
    text = "upstream's name of --transducer_conf for stand-alone transducers"
    group.add_argument("--beam_search_config", type=mapping_or_none, help=text)


def decode_options(args: argparse.Namespace) -> dict[str, Any]:
    """The search options of `add_decode_arguments`, as keywords of `Speech2Text`."""
    options = field_values(args, args.search_options)
    if args.beam_search_config:
        options["transducer_conf"] = {**(options["transducer_conf"] or {}), **args.beam_search_config}
    return options


def add_recognizer_bundle_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the bundle of a recogniser and say how it is run."""
    group = add_bundle_options(parser)
    group.add_argument("--ngram_file", type=str_or_none, help="KenLM model to use instead of the bundle's")
    group.add_argument("--ngram_scorer", default="full", help=f"{' or '.join(NGRAM_SCORERS)} (default: full)")


def recognizer_bundle_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of bundle and search, as keywords of `Speech2Text` and `Speech2TextStreaming`.

    Raises:
        OptionError: An option of upstream's that has one value has another one.
    """
    require_one_value(args)
    ngram = {name: getattr(args, name) for name in ("ngram_file", "ngram_scorer")}
    return {**bundle_options(args), **ngram, **decode_options(args)}
