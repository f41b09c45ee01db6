"""Speech to text while someone speaks: samples in pieces of any size in, what was said so far out.

    speech2text = Speech2TextStreaming("bundle")
    for piece, is_final in microphone:
        results = speech2text(piece, is_final)
    speech2text.reset()

`session()` gives further streams over the same graphs; `advance` takes the next pieces of many at once.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from espnet.nets.scorers.ctc import ctc_once
from espnet.nets.together import Outcome, outcomes
from espnet2.interface.errors import AudioError, OptionError, StreamError
from espnet2.interface.families import family_of, with_bundles
from espnet2.interface.spec import Axis
from espnet2.runtime.bundle import Bundle, task_of
from espnet2.runtime.loading import find_bundle, load
from espnet2.runtime.options import PROVIDERS, DecodeOptions
from espnet2.runtime.results import AnyResult, ResultMaker
from espnet2.runtime.search import make_streaming_search
from espnet2.runtime.search_model import SearchModel
from espnet2.runtime.speech import floating_point, require_numbers, require_shape
from espnet2.runtime.stream_encoder import StreamEncoder
from espnet2.runtime.unread_options import warn_of_unread

if TYPE_CHECKING:
    from typing_extensions import Self

Piece = tuple["Session", Any, bool]  # a stream, its next samples, and whether they are its last


class Session:
    """One stream of a `StreamingRecognizer`; it keeps what the encoder and the search have to remember."""

    def __init__(self, recognizer: StreamingRecognizer) -> None:
        self.recognizer = recognizer
        self.search = recognizer.make_search()
        self.aligner = None if recognizer.timestamps is None else recognizer.timestamps.aligner()
        self._begin()

    def __call__(self, speech: Any, is_final: bool = True, name: str = "speech") -> list[AnyResult]:
        """The results so far, best first, with the next samples of the stream; see `StreamingRecognizer.advance`."""
        return self.recognizer.advance([(self, speech, is_final)], [name])[0]

    def reset(self) -> None:
        """Begin another stream."""
        self.search.reset()
        if self.aligner is not None:
            self.aligner.reset()
        self._begin()

    def _begin(self) -> None:
        self.state = self.recognizer.encoder.begin()
        self.received = 0  # samples
        self.ended = False
        self.results: list[AnyResult] | None = None

    def extend(self, frames: np.ndarray, is_final: bool) -> list[AnyResult]:
        """The results so far, with new encoder frames (T, D)."""
        if len(frames) or is_final or self.results is None:
            options, made = self.recognizer.options, self.recognizer.result
            with ctc_once():
                if self.aligner is not None:
                    self.aligner.extend(frames)
                found = self.search(frames, options.maxlenratio, options.minlenratio, is_final)[: options.nbest]
            self.results = [made(hypothesis, self.aligner, is_final) for hypothesis in found]
        return [*self.results]


class StreamingRecognizer(ResultMaker):
    """Encoder, search and tokenizer of streams; whoever runs the graphs. It is itself the first of its sessions.

    Args:
        model: Graphs, whoever runs them, among them `encoder_step`; how it is fed; tokens; and what a search needs.
        options: Of the search; without decoder, `ctc_weight` is 1, and without CTC 0.
    """

    def __init__(self, model: SearchModel, options: DecodeOptions) -> None:
        if options.multi_asr:
            raise OptionError("multi_asr: expected False, since a stream is of one speaker; found True")
        section = model.section
        self.encoder = StreamEncoder(model.graphs["encoder_step"], section.streaming)
        seconds = None if self.encoder.frame else section.streaming["frame_stride"] / section.sample_rate
        super().__init__(model, options, seconds)
        self.sample_rate = section.sample_rate
        self._blocks = tuple(section.streaming[name] for name in ("block_size", "hop_size", "look_ahead"))
        self._own = self.session()

    def session(self) -> Session:
        """Another stream, which knows nothing of the others."""
        return Session(self)

    def make_search(self) -> Any:
        """The search of one stream."""
        return make_streaming_search(self.model, self.options, self._blocks)

    def __call__(self, speech: Any, is_final: bool = True) -> list[AnyResult]:
        """The results so far, best first, with the next samples of the stream; see `advance`."""
        return self._own(speech, is_final)

    def reset(self) -> None:
        """Begin another stream."""
        self._own.reset()

    def advance(self, pieces: Sequence[Piece], names: Sequence[str] = ()) -> list[list[AnyResult]]:
        """The results so far of each session, best first, with the next samples of its stream.

        The encoder takes a step of all streams at once, and the searches have their steps together. Nothing is done
        where a piece cannot be taken.

        Args:
            pieces: Session, samples and whether they are the stream's last. Samples (T,) are floating point in [-1, 1),
                at the model's rate; features (T, D) for a model without front end; T may be 0.
            names: What errors call the pieces.

        Raises:
            AudioError: Samples that cannot be recognised as they are, or a stream that ends too soon.
            StreamError: A stream has ended, is none, is not of this recogniser, or comes twice.
        """
        return [outcome.value() for outcome in self.outcomes(pieces, names)]

    def outcomes(self, pieces: Sequence[Piece], names: Sequence[str] = ()) -> list[Outcome[list[AnyResult]]]:
        """As `advance`, with the error of a session whose search fails in place of its results.

        Such a session cannot go on until `reset`.
        """
        _require_triples(pieces)
        streams = [session for session, _, _ in pieces]
        if not names:
            names = ["speech"] if len(pieces) == 1 else [f"speech {number}" for number in range(1, len(pieces) + 1)]
        samples = [self._checked(*piece, name) for piece, name in zip(pieces, names, strict=True)]
        if len(set(map(id, streams))) < len(streams):
            raise StreamError("advance: expected one piece of each session, found several of one")
        ends = [is_final for _, _, is_final in pieces]
        frames, states = self.encoder.advance([stream.state for stream in streams], samples, ends)
        for stream, state, piece, is_final in zip(streams, states, samples, ends, strict=True):
            stream.state, stream.received, stream.ended = state, stream.received + len(piece), is_final
        searches = [functools.partial(s.extend, new, end) for s, new, end in zip(streams, frames, ends, strict=True)]
        return outcomes(searches)

    def _checked(self, session: Session, speech: Any, is_final: bool, name: str) -> np.ndarray:
        """The samples of a piece in float32, if its stream may go on with them."""
        if session.recognizer is not self:
            raise StreamError(f"{name}: expected a session of this recogniser, found one of another")
        if session.ended:
            raise StreamError(f"{name}: expected reset() before another stream, found samples after the last ones")
        array = floating_point(speech, name)
        axes: tuple[Axis, ...] = ("samples", *self.encoder.frame)
        hint = "; a stream has one channel" if array.ndim == 2 and len(axes) == 1 else ""
        require_shape(array, axes, name, hint)
        require_numbers(array, name)
        total = session.received + len(array)
        if is_final and total < self.encoder.shortest:
            unit = "frames" if self.encoder.frame else "samples"
            raise AudioError(f"{name}: expected at least {self.encoder.shortest} {unit} in a stream, found {total}")
        return array.astype(np.float32, copy=False)


def _require_triples(pieces: Sequence[Any]) -> None:
    for piece in pieces:
        parts = piece if isinstance(piece, tuple | list) else [piece]
        if len(parts) != 3 or not isinstance(parts[0], Session):
            found = ", ".join(type(part).__name__ for part in parts)
            raise StreamError(
                f"advance: expected triples of what session() makes, samples, and whether they are the last, "
                f"found {found}"
            )


def _family(bundle: str | Path | Bundle) -> Any:
    """The family of a bundle, if its models may be for streams; else that of recognition, which refuses it."""
    task = task_of(bundle)
    streams = task in with_bundles() and "encoder_step" in family_of(task).entries
    return family_of(task if streams else "asr")


class Speech2TextStreaming(StreamingRecognizer):
    """Recognises speech with a bundle of streams while it is spoken, without PyTorch.

    Args:
        bundle: A directory that `espnet2.bin.export_onnx --streaming true` wrote, or a loaded `Bundle`.
        others: As those of `espnet2.runtime.asr.Speech2Text`.

    Raises:
        BundleError: The bundle cannot be used.
        OptionError: An option has a value that is not allowed, or that the bundle cannot satisfy.
    """

    def __init__(
        self,
        bundle: str | Path | Bundle,
        *,
        quantized: bool = False,
        num_threads: int | None = None,
        providers: Sequence[str] = PROVIDERS,
        ngram_file: str | Path | None = None,
        ngram_scorer: str = "full",
        verify: bool = False,
        mapped: bool = False,
        **options: Any,
    ) -> None:
        loaded = load(
            bundle,
            _family(bundle),
            "encoder_step",
            options,
            quantized=quantized,
            num_threads=num_threads,
            providers=providers,
            files={"ngram": ngram_file},
            ngram_scorer=ngram_scorer,
            verify=verify,
            mapped=mapped,
        )
        warn_of_unread(loaded.options, loaded.parts)
        self.bundle = loaded.bundle
        super().__init__(loaded.model, loaded.options)

    @classmethod
    def from_pretrained(cls, model_tag: str | Path, **options: Any) -> Self:
        """The recogniser of a bundle of streams: its directory, or its repository on the Hugging Face hub."""
        return cls(find_bundle(model_tag), **options)
