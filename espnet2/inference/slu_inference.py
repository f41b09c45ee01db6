"""Spoken language understanding with PyTorch: `Speech2Understand` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.inference.arguments import recognizer_options
from espnet2.inference.open_checkpoint import open_checkpoint
from espnet2.runtime.decode import UtteranceRunner, decode
from espnet2.runtime.decode_arguments import decode_options
from espnet2.runtime.decode_prompted import utterance_runner
from espnet2.runtime.slu import SLURecognizer
from espnet2.runtime.slu_model import with_transcripts
from espnet2.utils.model_options import SLU
from espnet2.utils.upstream_options import require_one_value

if TYPE_CHECKING:
    from typing_extensions import Self

USER = "Speech2Understand"


class Speech2Understand(SLURecognizer):
    """Understands speech with a trained model, on PyTorch, with the arguments of upstream's class of this name.

    Args:
        slu_train_config: config.yaml of the model.
        slu_model_file: Its weights; None, without a packed model either: see `untrained`, True as in upstream.
        options: Options of `SLUOptions`; and `lm_train_config`, `lm_file`, `ngram_file`, `ngram_scorer`, `token_type`,
            `bpemodel`, `device`, `dtype`, `model_file`, `model_tag`, `quantize_asr_model` (upstream's name of
            `quantize_slu_model`), `quantize_lm`, `quantize_modules`, `quantize_dtype`, `untrained`, with the meaning
            that they have for `espnet2.bin.asr_inference.Speech2Text`; `run_chunk` must be False.

    Raises:
        OptionError: An option is not known, or has a value that is not allowed.
    """

    def __init__(
        self, slu_train_config: Path | str | None = None, slu_model_file: Path | str | None = None, **options: Any
    ) -> None:
        from espnet2.tasks.slu import transcript_tokenizer

        for name in ("sim_chunk_length", "start_chunk"):  # of run_chunk
            options.pop(name, None)
        options["quantize_slu_model"] = options.pop("quantize_asr_model", False)
        opened = open_checkpoint(
            "slu", USER, slu_train_config=slu_train_config, slu_model_file=slu_model_file, **options
        )
        self.trained = opened.trained
        self.device, self.dtype = opened.device, opened.dtype
        self.asr_model, self.asr_train_args = opened.trained.model, opened.trained.config
        model = with_transcripts(opened.model, transcript_tokenizer(opened.trained.model))
        super().__init__(model, opened.options)

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The model of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        return cls(model_tag=model_tag, **options)


def understand(args: argparse.Namespace) -> int:
    """Understand the recordings that the options name; returns the exit status."""
    return decode(args, _runner)


def _runner(args: argparse.Namespace) -> UtteranceRunner:
    require_one_value(args)
    options = {**recognizer_options(args, SLU), **decode_options(args), "untrained": False}
    return utterance_runner(Speech2Understand.from_pretrained(options.pop("model_tag"), **options), args)
