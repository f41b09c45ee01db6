"""Recognition of streams with PyTorch: `Speech2TextStreaming` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.inference.arguments import recognizer_options
from espnet2.inference.asr_inference import model_of
from espnet2.inference.prepare import prepare
from espnet2.interface.families import family_of
from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.decode import decode
from espnet2.runtime.decode_arguments import decode_options
from espnet2.runtime.decode_streaming import StreamRunner, check_pieces, piece_samples
from espnet2.runtime.families.search import CHUNKS
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.results import AnyResult
from espnet2.utils.model_options import RECOGNITION
from espnet2.utils.upstream_options import FIXED, IGNORED, PRECISION, require, require_one_value

if TYPE_CHECKING:
    from typing_extensions import Self


class OfCheckpoint(StreamingRecognizer):
    """Base of recognisers of streams with a trained model, on PyTorch; their arguments are those of upstream's classes.

    As in upstream's, the samples after the last ones of a stream begin another one.
    """

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The recogniser of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        own: Any = cls
        made: Self = own(model_tag=model_tag, **options)
        return made

    @property
    def beam_search(self) -> Any:
        """The search of this stream."""
        return self._own.search

    def __call__(self, speech: Any, is_final: bool = True) -> list[AnyResult]:
        """The results so far, best first, with the next samples of the stream; `is_final` ends it."""
        results = super().__call__(speech, is_final)
        if is_final:
            self.reset()
        return results


class Speech2TextStreaming(OfCheckpoint):
    """Recognises streams with a trained model, on PyTorch, with the arguments of upstream's class of this name.

    Args:
        asr_train_config: config.yaml of the recogniser.
        asr_model_file: Its weights.
        lm_train_config: config.yaml of the language model.
        lm_file: Its weights.
        token_type: Kind of tokens, instead of the config's.
        bpemodel: SentencePiece model, instead of the config's.
        device: PyTorch's device.
        model_file: A packed model, instead of configs and weights.
        ngram_file: A KenLM model.
        ngram_scorer: `full`: the n-gram model scores all tokens; `part`: the best of the other scorers.
        chunks: Sizes for an encoder that takes chunks of any size: `chunk_size`, `left_context` and `right_context`, in
            its frames.
        dtype: Precision of floating point numbers: `float32`, `float64`, `bfloat16` or `float16`.
        untrained: Take random weights, with a warning, of a config that has none; False: raise an error.
        others: Options of `DecodeOptions`, and of `espnet2.utils.upstream_options` with the value there.

    Raises:
        OptionError: The model needs whole utterances, or an option is not known or has a value that is not allowed.
    """

    def __init__(
        self,
        asr_train_config: Path | str | None = None,
        asr_model_file: Path | str | None = None,
        lm_train_config: Path | str | None = None,
        lm_file: Path | str | None = None,
        token_type: str | None = None,
        bpemodel: Path | str | None = None,
        device: str = "cpu",
        *,
        model_file: Path | str | None = None,
        model_tag: Path | str | None = None,
        ngram_file: Path | str | None = None,
        ngram_scorer: str = "full",
        chunks: Mapping[str, int | None] | None = None,
        dtype: str = "float32",
        untrained: bool = True,
        **others: Any,
    ) -> None:
        upstreams = {name: others.pop(name) for name in (*FIXED, *IGNORED) if name in others}
        require(upstreams)
        options = DecodeOptions.from_keywords(others)
        from espnet2.inference.trained import load_trained

        trained = load_trained(
            asr_train_config=asr_train_config,
            asr_model_file=asr_model_file,
            lm_train_config=lm_train_config,
            lm_file=lm_file,
            ngram_file=ngram_file,
            model_file=model_file,
            model_tag=None if model_tag is None else str(model_tag),
            streaming=True,
            chunks=chunks,
            untrained=untrained,
            family=family_of("asr"),
        )
        prepare(trained, str(device), dtype)
        self.device, self.dtype = str(device), dtype
        self.asr_model, self.asr_train_args = trained.model, trained.config
        super().__init__(model_of(trained, options, token_type, bpemodel, ngram_scorer), options)


def recognize(args: argparse.Namespace) -> int:
    """Recognise the recordings that the options name as streams; returns the exit status."""
    check_pieces(args)
    return decode(args, runner)


def runner(
    args: argparse.Namespace, kind: type[OfCheckpoint] = Speech2TextStreaming, tasks: Sequence[str] = RECOGNITION
) -> StreamRunner:
    """The recogniser of streams, a model of these tasks, that the options of a command describe."""
    require_one_value(args)
    options = {**recognizer_options(args, tasks), **decode_options(args), "untrained": False}
    quantized = {name: options.pop(name) for name in PRECISION if name in options and name != "dtype"}
    require(quantized, "--")
    chunks = {name: getattr(args, name) for name in CHUNKS}
    speech2text = kind.from_pretrained(options.pop("model_tag"), chunks=chunks, **options)
    return StreamRunner(speech2text, piece_samples(args, speech2text.sample_rate))
