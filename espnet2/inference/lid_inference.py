"""Identification of languages by embeddings, with PyTorch."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from espnet2.inference.arguments import pytorch_options
from espnet2.inference.mapper import TrainedMapper
from espnet2.runtime.lid import LanguageMapper, LanguageOptions
from espnet2.runtime.lid_command import identify
from espnet2.utils.option_arguments import field_values

if TYPE_CHECKING:
    import torch

TASKS = ("lid",)


class Speech2Lang(TrainedMapper, LanguageMapper):
    """Languages of speech from a trained model, on PyTorch.

    Args:
        lid_train_config: config.yaml of the model.
        lid_model_file: Its weights; None, without a packed model either: see `untrained`.
        device: Where PyTorch computes.
        dtype: In which floating point numbers: `float32`, `float64`, `bfloat16` or `float16`.
        batch_size: Utterances that `batch` computes together.
        nbest: Languages of each recording.
        lang2utt: File of the languages, instead of the config's.
        model_file, model_tag: A packed model (file, directory or name on the Hugging Face hub), instead of config and
            weights.
        untrained: Take random weights, with a warning, of a config that has none; False: raise an error.

    Raises:
        OptionError: An option has a value that is not allowed.
        EspnetError: A file cannot be used.
    """

    task = "lid"

    def __init__(
        self,
        lid_train_config: Path | str | None = None,
        lid_model_file: Path | str | None = None,
        device: str | torch.device = "cpu",
        dtype: str = "float32",
        batch_size: int = 1,
        nbest: int = 1,
        *,
        lang2utt: Path | str | None = None,
        model_file: Path | str | None = None,
        model_tag: Path | str | None = None,
        untrained: bool = True,
    ) -> None:
        super().__init__(
            lid_train_config,
            lid_model_file,
            LanguageOptions(batch_size, nbest),
            device,
            dtype,
            model_tag=model_tag or model_file,
            untrained=untrained,
            lang2utt=lang2utt,
        )
        self.lid_model, self.lid_train_args = self.trained.model, self.trained.config


def identify_recordings(args: argparse.Namespace) -> int:
    """Identify the languages of the recordings that the options name, with PyTorch; returns the exit status."""
    model = {**pytorch_options(args, TASKS), **field_values(args, LanguageOptions), "dtype": args.dtype}
    return identify(args, lambda: Speech2Lang(**model, untrained=False))
