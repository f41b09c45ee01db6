"""Recognition of whole utterances with PyTorch: `Speech2Text` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.inference.arguments import recognizer_options
from espnet2.inference.prepare import prepare, quantize
from espnet2.interface.errors import OptionError
from espnet2.interface.families import family_of
from espnet2.runtime.asr import Recognizer
from espnet2.runtime.decode import UtteranceRunner, decode
from espnet2.runtime.decode_arguments import decode_options
from espnet2.runtime.families.search import search_model
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search_model import SearchModel
from espnet2.runtime.unread_options import warn_of_unread
from espnet2.utils.upstream_options import FIXED, IGNORED, require, require_dtype, require_one_value

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self

    from espnet2.inference.trained import Trained


class Speech2Text(Recognizer):
    """Recognises speech with a trained model, on PyTorch, with the arguments of upstream's class of this name.

    Args:
        asr_train_config: config.yaml of the recogniser.
        asr_model_file: Its weights; None, without a packed model either: see `untrained`, True as in upstream.
        transducer_conf: Options of a transducer's search (`TransducerOptions`).
        lm_train_config: config.yaml of the language model.
        lm_file: Its weights.
        ngram_scorer: `full`: the n-gram model scores all tokens; `part`: the best of the other scorers.
        ngram_file: A KenLM model.
        token_type: Kind of tokens, instead of the config's.
        bpemodel: SentencePiece model, instead of the config's.
        device: PyTorch's device.
        dtype: Precision of floating point numbers: `float32`, `float64`, `bfloat16` or `float16`.
        model_file: A packed model, instead of configs and weights.
        model_tag: A packed model: its name on the Hugging Face hub, or its path.
        quantize_asr_model, quantize_lm: Convert the weights of layers of these types, `quantize_modules`, to
            `quantize_dtype` (`qint8` or `float16`).
        untrained: Take random weights, with a warning, of a config that has none; False: raise an error.
        others: Further options of `DecodeOptions`, and of `espnet2.utils.upstream_options` with the value there.

    Raises:
        OptionError: An option is not known, or has a value that is not allowed.
    """

    def __init__(
        self,
        asr_train_config: Path | str | None = None,
        asr_model_file: Path | str | None = None,
        transducer_conf: Mapping[str, Any] | None = None,
        lm_train_config: Path | str | None = None,
        lm_file: Path | str | None = None,
        ngram_scorer: str = "full",
        ngram_file: Path | str | None = None,
        token_type: str | None = None,
        bpemodel: Path | str | None = None,
        device: str | torch.device = "cpu",
        maxlenratio: float = DecodeOptions.maxlenratio,
        minlenratio: float = DecodeOptions.minlenratio,
        batch_size: int | str = DecodeOptions.batch_size,
        dtype: str = "float32",
        beam_size: int = DecodeOptions.beam_size,
        ctc_weight: float = DecodeOptions.ctc_weight,
        lm_weight: float = DecodeOptions.lm_weight,
        ngram_weight: float = DecodeOptions.ngram_weight,
        penalty: float = DecodeOptions.penalty,
        nbest: int = DecodeOptions.nbest,
        normalize_length: bool = DecodeOptions.normalize_length,
        *,
        model_file: Path | str | None = None,
        model_tag: Path | str | None = None,
        quantize_asr_model: bool = False,
        quantize_lm: bool = False,
        quantize_modules: Sequence[str] | None = None,
        quantize_dtype: str = "qint8",
        untrained: bool = True,
        **others: Any,
    ) -> None:
        further = {option.name: others.pop(option.name) for option in fields(DecodeOptions) if option.name in others}
        require_dtype(dtype)
        require_known(others)
        options = DecodeOptions(
            beam_size=beam_size,
            ctc_weight=ctc_weight,
            lm_weight=lm_weight,
            ngram_weight=ngram_weight,
            penalty=penalty,
            maxlenratio=maxlenratio,
            minlenratio=minlenratio,
            nbest=nbest,
            normalize_length=normalize_length,
            batch_size=batch_size,
            transducer_conf=transducer_conf,
            **further,
        )
        from espnet2.inference.trained import load_trained

        trained = load_trained(
            asr_train_config=asr_train_config,
            asr_model_file=asr_model_file,
            lm_train_config=lm_train_config,
            lm_file=lm_file,
            ngram_file=ngram_file,
            model_file=model_file,
            model_tag=None if model_tag is None else str(model_tag),
            untrained=untrained,
            family=family_of("asr"),
        )
        options = _with_blocks(options, trained.model)
        prepare(trained, str(device), dtype)
        quantize(trained, quantize_asr_model, quantize_lm, quantize_modules or ["Linear"], quantize_dtype)
        self.trained = trained
        self.device, self.dtype = str(device), dtype
        self.asr_model, self.asr_train_args = trained.model, trained.config
        super().__init__(model_of(trained, options, token_type, bpemodel, ngram_scorer), options)

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The recogniser of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        return cls(model_tag=model_tag, **options)


def model_of(
    trained: Trained,
    options: DecodeOptions,
    token_type: str | None,
    bpemodel: Path | str | None,
    ngram_scorer: str,
) -> SearchModel:
    """The model that a recogniser runs, with another tokenizer and kind of n-gram scorer where they are given.

    Logs a warning of options that its search does not read.
    """
    from espnet2.tasks.recognition import tokenizer_of

    tokenizer = trained.tokenizer
    if token_type or bpemodel:
        tokenizer = tokenizer_of(trained.model, trained.config, token_type, bpemodel)
    path = trained.files.get("ngram_file")
    model = search_model(trained.graphs, trained.section, tokenizer, path, options, ngram_scorer)
    warn_of_unread(options, model.scorers)
    return model


def _with_blocks(options: DecodeOptions, model: Any) -> DecodeOptions:
    """Options of a simulated stream have the encoder's blocks, but for what is given of them."""
    blocks = getattr(model.encoder, "blocks", None)
    if not options.streaming or blocks is None:
        return options
    names = "search_block_size", "search_hop_size", "search_look_ahead"
    own = {name: frames for name, frames in zip(names, blocks, strict=True) if getattr(options, name) < 0}
    return dataclasses.replace(options, **own)


def require_known(others: Mapping[str, Any], user: str = "Speech2Text") -> None:
    """Raise `OptionError` for keywords that upstream's class has not, or that have one value only and another one."""
    for name in others:
        if name not in FIXED and name not in IGNORED:
            raise OptionError(f"{name}: expected an option of {user}, found an unknown name")
    require(others)


def runner(args: argparse.Namespace, kind: type[Speech2Text] = Speech2Text) -> UtteranceRunner:
    """The recogniser that the options of a command describe."""
    require_one_value(args)
    options = {**recognizer_options(args), **decode_options(args), "untrained": False}
    return UtteranceRunner(kind.from_pretrained(options.pop("model_tag"), **options))


def recognize(args: argparse.Namespace) -> int:
    """Recognise the recordings that the options name; returns the exit status."""
    return decode(args, runner)
