"""Recognition by stand-alone transducers with PyTorch: `Speech2Text` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from espnet.nets.beam_search import Hypothesis as Found
from espnet2.inference import asr_inference
from espnet2.inference.arguments import recognizer_options
from espnet2.interface.errors import OptionError
from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.decode import SearchRunner, UtteranceRunner, decode
from espnet2.runtime.decode_arguments import decode_options
from espnet2.runtime.decode_streaming import StreamRunner
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.results import AnyResult, Result
from espnet2.utils.upstream_options import require_one_value

if TYPE_CHECKING:
    from espnet2.asr_transducer.beam_search_transducer import Hypothesis

BEAM_SIZE = 5
WINDOW, LEFT_CONTEXT = 640, 32  # in ms, and in frames of the encoder
STREAM_OPTIONS = ("streaming", "decoding_window", "left_context")


class Speech2Text(asr_inference.Speech2Text):
    """Recognises speech with a stand-alone transducer, with the arguments of upstream's class of this name.

    Args:
        asr_train_config: config.yaml of the recogniser.
        asr_model_file: Its weights.
        beam_search_config: Options of the search (`TransducerOptions`).
        lm_train_config: config.yaml of the language model.
        lm_file: Its weights.
        token_type: Kind of tokens, instead of the config's.
        bpemodel: SentencePiece model, instead of the config's.
        device: PyTorch's device.
        streaming: Make `streaming_decode` possible.
        decoding_window: Duration of a stream that the encoder takes at once, in ms.
        left_context: Frames before the window that it attends to, after the input block.
        return_decoded_hyp: Must be False.
        others: Of `espnet2.inference.asr_inference.Speech2Text`.

    Raises:
        OptionError: The model is another one, or an option has a value that is not allowed.
    """

    def __init__(
        self,
        asr_train_config: Path | str | None = None,
        asr_model_file: Path | str | None = None,
        beam_search_config: Mapping[str, Any] | None = None,
        lm_train_config: Path | str | None = None,
        lm_file: Path | str | None = None,
        token_type: str | None = None,
        bpemodel: Path | str | None = None,
        device: str = "cpu",
        beam_size: int = BEAM_SIZE,
        dtype: str = "float32",
        lm_weight: float = DecodeOptions.lm_weight,
        nbest: int = DecodeOptions.nbest,
        streaming: bool = False,
        decoding_window: int = WINDOW,
        left_context: int = LEFT_CONTEXT,
        return_decoded_hyp: bool = False,
        **others: Any,
    ) -> None:
        if return_decoded_hyp:
            raise OptionError("return_decoded_hyp: expected False, the only value known here, found True")
        super().__init__(
            asr_train_config,
            asr_model_file,
            {**(others.pop("transducer_conf", None) or {}), **(beam_search_config or {})},
            lm_train_config,
            lm_file,
            token_type=token_type,
            bpemodel=bpemodel,
            device=device,
            beam_size=beam_size,
            dtype=dtype,
            lm_weight=lm_weight,
            nbest=nbest,
            **others,
        )
        from espnet2.asr_transducer.espnet_transducer_model import ESPnetASRTransducerModel

        if not isinstance(self.asr_model, ESPnetASRTransducerModel):
            found = type(self.asr_model).__name__
            raise OptionError(f"asr_model_file: expected a stand-alone transducer, found {found}")
        self.window = decoding_window * self.sample_rate // 1000
        self.stream = self._stream(left_context) if streaming else None

    def _stream(self, left_context: int) -> StreamingRecognizer:
        """The recogniser of streams, which are cut into the chunks that windows are made of."""
        frame = self.asr_model.frame_samples()
        if self.window < frame:
            least = 1000 * frame / self.sample_rate
            found = 1000 * self.window / self.sample_rate
            raise OptionError(f"decoding_window: expected at least {least:g} ms, which a frame lasts, found {found:g}")
        trained = self.trained.as_streams({"chunk_size": self.window // frame, "left_context": left_context})
        return StreamingRecognizer(
            dataclasses.replace(self.model, graphs=trained.graphs, section=trained.section), self.options
        )

    def __call__(self, speech: Any, **keywords: Any) -> Any:
        """The n-best hypotheses for one utterance, best first, or for each of a list; see its base class."""
        found = super().__call__(speech, **keywords)
        return [_hypothesis(result) if isinstance(result, Result) else [*map(_hypothesis, result)] for result in found]

    @property
    def audio_processor(self) -> AudioProcessor:
        """Framing of speech, under upstream's name."""
        return AudioProcessor(self.window)

    def hypotheses_to_results(self, nbest_hyps: Sequence[Hypothesis]) -> list[AnyResult]:
        """Their texts and tokens, and themselves."""
        found = [Found(np.array(h.yseq), h.score, frames=h.frames) for h in nbest_hyps]
        pairs = zip(map(self.result, found), nbest_hyps, strict=True)
        return [Result(result.text, result.token, result.token_int, cast("Any", h)) for result, h in pairs]

    def streaming_decode(self, speech: Any, is_final: bool = False) -> list[Hypothesis]:
        """The hypotheses so far, best first, with the next samples of a stream, as many as there are.

        After the last ones another stream begins.
        """
        if self.stream is None:
            raise OptionError("streaming: expected True of a recogniser of streams, found False")
        results = self.stream(speech, is_final)
        if is_final:
            self.stream.reset()
        return [*map(_hypothesis, results)]

    def reset_streaming_cache(self) -> None:
        """Begin another stream."""
        if self.stream is not None:
            self.stream.reset()


class AudioProcessor(NamedTuple):
    """Samples that a stream takes at once."""

    decoding_samples: int


def _hypothesis(result: AnyResult) -> Hypothesis:
    """The hypothesis of a result, as upstream's searches over stand-alone transducers give it."""
    from espnet2.asr_transducer.beam_search_transducer import Hypothesis

    found = result.hypothesis
    return Hypothesis(found.score, found.yseq.tolist(), frames=found.frames)


def recognize(args: argparse.Namespace) -> int:
    """Recognise the recordings that the options name; returns the exit status."""
    return decode(args, _runner)


def _runner(args: argparse.Namespace) -> SearchRunner:
    require_one_value(args)
    options = {**recognizer_options(args), **decode_options(args)}
    options |= {name: getattr(args, name) for name in STREAM_OPTIONS} | {"untrained": False}
    speech2text = Speech2Text.from_pretrained(options.pop("model_tag"), **options)
    if speech2text.stream is not None:
        return StreamRunner(speech2text.stream, speech2text.window)
    return UtteranceRunner(speech2text)
