"""Translation of speech with PyTorch: `Speech2Text` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.inference.arguments import recognizer_options
from espnet2.inference.open_checkpoint import open_checkpoint
from espnet2.runtime.decode import UtteranceRunner, decode
from espnet2.runtime.decode_arguments import decode_options
from espnet2.runtime.st import SpeechTranslator
from espnet2.utils.model_options import ST
from espnet2.utils.types import str_or_none
from espnet2.utils.upstream_options import SOURCE_TOKENIZER, require_one_value

if TYPE_CHECKING:
    from typing_extensions import Self


class Speech2Text(SpeechTranslator):
    """Translates speech with a trained model, on PyTorch, with the arguments of upstream's class of this name.

    Args:
        st_train_config: config.yaml of the translator.
        st_model_file: Its weights; None, without a packed model either: see `untrained`, True as in upstream.
        src_ngram_scorer: As `ngram_scorer`, of the source language's n-gram model.
        src_token_type, src_bpemodel: Kind of tokens of the source language, and its SentencePiece model, instead of the
            config's.
        options: Options of `STOptions`; and `lm_train_config`, `lm_file`, `ngram_file`, `ngram_scorer`, `token_type`,
            `bpemodel`, `device`, `dtype`, `model_file`, `model_tag`, `quantize_st_model`, `quantize_lm`,
            `quantize_modules`, `quantize_dtype`, `untrained`, with the meaning that they have for
            `espnet2.bin.asr_inference.Speech2Text`.

    Raises:
        OptionError: An option is not known, or has a value that is not allowed.
    """

    def __init__(
        self,
        st_train_config: Path | str | None = None,
        st_model_file: Path | str | None = None,
        *,
        src_ngram_scorer: str = "full",
        src_token_type: str | None = None,
        src_bpemodel: Path | str | None = None,
        **options: Any,
    ) -> None:
        from espnet2.tasks.st import recognising_first

        opened = open_checkpoint("st", st_train_config=st_train_config, st_model_file=st_model_file, **options)
        self.trained = opened.trained
        self.device, self.dtype = opened.device, opened.dtype
        self.st_model, self.st_train_args = opened.trained.model, opened.trained.config
        source = src_ngram_scorer, src_token_type, src_bpemodel
        super().__init__(recognising_first(opened.model, opened.trained, opened.options, *source), opened.options)

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The model of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        return cls(model_tag=model_tag, **options)


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the tokenizer of the source language."""
    group = parser.add_argument_group("source language")
    for name, text in SOURCE_TOKENIZER.items():
        group.add_argument(f"--{name}", type=str_or_none, help=text)


def translate(args: argparse.Namespace) -> int:
    """Translate the recordings that the options name; returns the exit status."""
    return decode(args, _runner)


def _runner(args: argparse.Namespace) -> UtteranceRunner:
    require_one_value(args)
    source = {name: getattr(args, name) for name in SOURCE_TOKENIZER}
    options = {**recognizer_options(args, ST), **decode_options(args), **source, "untrained": False}
    return UtteranceRunner(Speech2Text.from_pretrained(options.pop("model_tag"), **options))
