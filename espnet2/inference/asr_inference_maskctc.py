"""Recognition by Mask-CTC models with PyTorch: `Speech2Text` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path
from typing import Any

from espnet2.inference import asr_inference
from espnet2.interface.errors import OptionError
from espnet2.runtime.decode import decode
from espnet2.runtime.options import DecodeOptions


class Speech2Text(asr_inference.Speech2Text):
    """Recognises speech with a trained Mask-CTC model, with the arguments of upstream's class of this name.

    Args:
        asr_train_config: config.yaml of the recogniser.
        asr_model_file: Its weights.
        token_type: Kind of tokens, instead of the config's.
        bpemodel: SentencePiece model, instead of the config's.
        device: PyTorch's device.
        batch_size, maskctc_n_iterations, maskctc_threshold_probability: See `DecodeOptions`.
        others: Of `espnet2.inference.asr_inference.Speech2Text`.

    Raises:
        OptionError: The model is another one, or an option has a value that is not allowed.
    """

    def __init__(
        self,
        asr_train_config: Path | str | None = None,
        asr_model_file: Path | str | None = None,
        token_type: str | None = None,
        bpemodel: Path | str | None = None,
        device: str = "cpu",
        batch_size: int | str = DecodeOptions.batch_size,
        dtype: str = "float32",
        maskctc_n_iterations: int = DecodeOptions.maskctc_n_iterations,
        maskctc_threshold_probability: float = DecodeOptions.maskctc_threshold_probability,
        **others: Any,
    ) -> None:
        super().__init__(
            asr_train_config,
            asr_model_file,
            token_type=token_type,
            bpemodel=bpemodel,
            device=device,
            batch_size=batch_size,
            dtype=dtype,
            maskctc_n_iterations=maskctc_n_iterations,
            maskctc_threshold_probability=maskctc_threshold_probability,
            **others,
        )
        if not hasattr(self.asr_model, "mask_token"):
            raise OptionError(f"asr_model_file: expected a Mask-CTC model, found {type(self.asr_model).__name__}")


def recognize(args: argparse.Namespace) -> int:
    """Recognise the recordings that the options name; returns the exit status."""
    return decode(args, functools.partial(asr_inference.runner, kind=Speech2Text))
