"""Translation of streams with PyTorch: `Speech2TextStreaming` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espnet2.inference.asr_inference_streaming import OfCheckpoint, runner
from espnet2.inference.open_checkpoint import open_checkpoint
from espnet2.runtime.decode import decode
from espnet2.runtime.decode_streaming import StreamRunner, check_pieces
from espnet2.utils.model_options import ST


class Speech2TextStreaming(OfCheckpoint):
    """Translates streams with a trained model, on PyTorch, with the arguments of upstream's class of this name.

    Args:
        st_train_config: config.yaml of the translator.
        st_model_file: Its weights; None, without a packed model either: see `untrained`, True as in upstream.
        chunks: Sizes for an encoder that takes chunks of any size: `chunk_size`, `left_context` and `right_context`, in
            its frames.
        options: As for `espnet2.bin.st_inference.Speech2Text`.

    Raises:
        OptionError: The model needs whole utterances, or an option is not known or has a value that is not allowed.
    """

    def __init__(
        self,
        st_train_config: Path | str | None = None,
        st_model_file: Path | str | None = None,
        *,
        chunks: Mapping[str, int | None] | None = None,
        **options: Any,
    ) -> None:
        files = {"st_train_config": st_train_config, "st_model_file": st_model_file}
        opened = open_checkpoint("st", "Speech2TextStreaming", chunks or {}, **files, **options)
        self.device, self.dtype = opened.device, opened.dtype
        self.st_model, self.st_train_args = opened.trained.model, opened.trained.config
        super().__init__(opened.model, opened.options)


def translate(args: argparse.Namespace) -> int:
    """Translate the recordings that the options name as streams; returns the exit status."""
    check_pieces(args)
    return decode(args, _runner)


def _runner(args: argparse.Namespace) -> StreamRunner:
    return runner(args, Speech2TextStreaming, ST)
