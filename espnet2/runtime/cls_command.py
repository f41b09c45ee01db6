"""Classification of many recordings, as the commands of `espnet2.bin` do it."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterable
from typing import Any

from espnet2.runtime.bundle_arguments import bundle_options
from espnet2.runtime.cls import Classification, Classified, Classifier, ClassOptions
from espnet2.runtime.inputs import add_recording_arguments
from espnet2.runtime.loop import Wording
from espnet2.runtime.map_commands import map_recordings
from espnet2.runtime.writers.tables import TableFiles
from espnet2.utils.option_arguments import add_fields, field_values
from espnet2.utils.types import str2bool

WORDING = Wording("classify", "classified", "recordings", "classification")


def add_class_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of recordings and output."""
    add_recording_arguments(
        parser,
        recordings="recordings; the classes of each, with their probabilities, are a line of the output",
        output="write prediction/{text,token,score} here",
    )
    group = parser.add_argument_group("classes")
    add_fields(group, ClassOptions)
    text = "write the probabilities of all classes to score, not those of the found ones alone (default: False)"
    group.add_argument("--output_all_probabilities", type=str2bool, default=False, help=text)


def classify(args: argparse.Namespace, load: Callable[[], Classifier]) -> int:
    """Classify the recordings that the options name, with what `load` gives.

    Returns the exit status: 0, 1 where some recordings have no classes, 2 where none has.
    """
    opened = functools.cache(load)
    tables = {
        "prediction/text": lambda found: found.text,
        "prediction/token": lambda found: _joined(found.token_int),
        "prediction/score": _all_scores if args.output_all_probabilities else _found_scores,
    }

    def line(result: Classified) -> str:
        classes = opened().model.section.classes
        return "\t".join(f"{classes[number]} {result.scores[number]:.4f}" for number in result.token_int)

    return map_recordings(args, opened, WORDING, line, functools.partial(TableFiles, tables=tables))


def classify_with_bundle(args: argparse.Namespace) -> int:
    """Classify the recordings that the options name with a bundle; returns the exit status."""
    return classify(args, lambda: Classification(**bundle_options(args), **field_values(args, ClassOptions)))


def _joined(values: Iterable[Any]) -> str:
    return " ".join(str(value) for value in values)


def _found_scores(result: Classified) -> str:
    return _joined(float(result.scores[number]) for number in result.token_int)


def _all_scores(result: Classified) -> str:
    return _joined(map(float, result.scores))
