"""Options that name a trained model, shared by all commands that read one; derived from the table of families."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable

from espnet2.interface.families import rows_of, with_bundles
from espnet2.utils.types import str_or_none

RECOGNITION = ("asr", "asr_transducer")
S2T = ("s2t",)
ST, MT, SLU = ("st",), ("mt",), ("slu",)
SEARCHING = (*RECOGNITION, *S2T, *ST, *MT, *SLU)  # tasks whose commands accept the same files of options
PACKED = {
    "model_file": "packed model (.zip, .tar.gz), instead of the files above",
    "model_tag": "packed model on the Hugging Face hub, or its file, instead of the files above",
}


def model_files(tasks: Iterable[str] | None = None) -> dict[str, str]:
    """Options of the files of models of these tasks (default: of all that are exported), with their help."""
    rows = [row for task in (with_bundles() if tasks is None else tasks) for row in rows_of(task)]
    models = {name: text for row in rows for name, text in row.options().items()}
    return models | {name: text for row in rows for name, text in row.files.items()}


def add_model_options(
    parser: argparse.ArgumentParser, tasks: Iterable[str] | None = RECOGNITION, leave_out: Collection[str] = ()
) -> None:
    """Add the options of `model_files` and of packed models, but those of `leave_out`."""
    group = parser.add_argument_group("trained model")
    for name, text in {**model_files(tasks), **PACKED}.items():
        if name not in leave_out:
            group.add_argument(f"--{name}", type=str_or_none, help=text)


def model_options(args: argparse.Namespace, tasks: Iterable[str] | None = RECOGNITION) -> dict[str, str | None]:
    """Their values, as keywords of `espnet2.inference.trained.load_trained`."""
    return {name: getattr(args, name, None) for name in (*model_files(tasks), *PACKED)}
