"""Speech to text of many tasks with PyTorch: `Speech2Text` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from espnet2.inference.arguments import recognizer_options
from espnet2.inference.open_checkpoint import open_checkpoint
from espnet2.runtime.decode import UtteranceRunner, decode
from espnet2.runtime.decode_arguments import decode_options
from espnet2.runtime.decode_prompted import utterance_runner
from espnet2.runtime.s2t import S2TRecognizer
from espnet2.utils.model_options import S2T
from espnet2.utils.upstream_options import require_one_value

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self


class OfCheckpoint:
    """Constructor of a recogniser with prompts of a trained model, before the recogniser's own among base classes.

    Attributes:
        task: Of the model, whose family has the options.

    Args:
        s2t_train_config: config.yaml of the model.
        s2t_model_file: Its weights; None, without a packed model either: see `untrained`, True as in upstream.
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
        quantize_s2t_model, quantize_lm: Convert the weights of layers of these types, `quantize_modules`, to
            `quantize_dtype` (`qint8` or `float16`).
        untrained: Take random weights, with a warning, of a config that has none; False: raise an error.
        maxlenratio, minlenratio, batch_size, beam_size, ctc_weight, lm_weight, ngram_weight, penalty, nbest,
            normalize_length: Options of the search; None: the family's default.
        others: Further options of the family's, and of `espnet2.utils.upstream_options` with the value there.

    Raises:
        OptionError: An option is not known, or has a value that is not allowed.
    """

    task: ClassVar[str] = "s2t"

    def __init__(
        self,
        s2t_train_config: Path | str | None = None,
        s2t_model_file: Path | str | None = None,
        lm_train_config: Path | str | None = None,
        lm_file: Path | str | None = None,
        ngram_scorer: str = "full",
        ngram_file: Path | str | None = None,
        token_type: str | None = None,
        bpemodel: Path | str | None = None,
        device: str | torch.device = "cpu",
        maxlenratio: float | None = None,
        minlenratio: float | None = None,
        batch_size: int | str | None = None,
        dtype: str = "float32",
        beam_size: int | None = None,
        ctc_weight: float | None = None,
        lm_weight: float | None = None,
        ngram_weight: float | None = None,
        penalty: float | None = None,
        nbest: int | None = None,
        normalize_length: bool | None = None,
        *,
        model_file: Path | str | None = None,
        model_tag: Path | str | None = None,
        quantize_s2t_model: bool = False,
        quantize_lm: bool = False,
        quantize_modules: Sequence[str] | None = None,
        quantize_dtype: str = "qint8",
        untrained: bool = True,
        **others: Any,
    ) -> None:
        opened = open_checkpoint(
            self.task,
            s2t_train_config=s2t_train_config,
            s2t_model_file=s2t_model_file,
            lm_train_config=lm_train_config,
            lm_file=lm_file,
            ngram_scorer=ngram_scorer,
            ngram_file=ngram_file,
            token_type=token_type,
            bpemodel=bpemodel,
            device=device,
            maxlenratio=maxlenratio,
            minlenratio=minlenratio,
            batch_size=batch_size,
            dtype=dtype,
            beam_size=beam_size,
            ctc_weight=ctc_weight,
            lm_weight=lm_weight,
            ngram_weight=ngram_weight,
            penalty=penalty,
            nbest=nbest,
            normalize_length=normalize_length,
            model_file=model_file,
            model_tag=model_tag,
            quantize_s2t_model=quantize_s2t_model,
            quantize_lm=quantize_lm,
            quantize_modules=quantize_modules,
            quantize_dtype=quantize_dtype,
            untrained=untrained,
            **others,
        )
        self.trained = opened.trained
        self.device, self.dtype = opened.device, opened.dtype
        self.s2t_model, self.s2t_train_args = opened.trained.model, opened.trained.config
        super().__init__(opened.model, opened.options)  # type: ignore[call-arg]

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The model of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        return cls(model_tag=model_tag, **options)


class Speech2Text(OfCheckpoint, S2TRecognizer):
    """Recognises or translates speech with a trained model, on PyTorch, with the arguments of upstream's class.

    For the arguments see `OfCheckpoint`; others are those of `S2TOptions`.
    """


def _runner(kind: type[OfCheckpoint], args: argparse.Namespace) -> UtteranceRunner:
    require_one_value(args)
    options = {**recognizer_options(args, S2T), **decode_options(args), "untrained": False}
    return utterance_runner(kind.from_pretrained(options.pop("model_tag"), **options), args)


def recognize(args: argparse.Namespace, kind: type[OfCheckpoint] = Speech2Text) -> int:
    """Recognise the recordings that the options name with a recogniser of this class; returns the exit status."""
    return decode(args, functools.partial(_runner, kind))
