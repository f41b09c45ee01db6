"""Options that name a trained model, shared by all commands that read one."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from espnet2.utils.types import str_or_none

MODEL_OPTIONS = {
    "asr_train_config": "config.yaml of the recogniser",
    "asr_model_file": "weights of the recogniser",
    "lm_train_config": "config.yaml of the language model",
    "lm_file": "weights of the language model",
    "ngram_file": "KenLM n-gram model (.arpa or .bin)",
    "model_file": "packed model (.zip, .tar.gz), instead of the files above",
    "model_tag": "packed model on the Hugging Face hub, instead of the files above",
}


def add_model_options(parser: argparse.ArgumentParser, leave_out: Iterable[str] = ()) -> None:
    """Add the options of `MODEL_OPTIONS` but those of `leave_out`."""
    group = parser.add_argument_group("trained model")
    for name, text in MODEL_OPTIONS.items():
        if name not in leave_out:
            group.add_argument(f"--{name}", type=str_or_none, help=text)


def model_options(args: argparse.Namespace) -> dict[str, str | None]:
    """Their values, as keywords of `espnet2.export.trained.load_trained`."""
    return {name: getattr(args, name, None) for name in MODEL_OPTIONS}
