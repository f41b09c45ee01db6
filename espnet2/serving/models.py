"""Models of a service: bundles by name, ready for many requests at once."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from espnet.nets.together import Abandoned
from espnet2.interface.families import family_of
from espnet2.runtime.asr import Recognizer, Speech2Text
from espnet2.runtime.asr_streaming import Speech2TextStreaming, StreamingRecognizer
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.cli.models import has_prompts, knows_times, prompt_options
from espnet2.runtime.cli.segments import Segment
from espnet2.runtime.cli.transcriber import Transcriber
from espnet2.runtime.threads import gatherings_of, threads_of
from espnet2.runtime.tts import Synthesizer, Text2Speech
from espnet2.serving.languages import known_language
from espnet2.serving.scheduler import BusyError, Scheduler, Ticket
from espnet2.serving.stream_hub import SHARED, StreamHub, transcribed

BATCH = 16  # utterances that are decoded together
WAITING = 600.0  # seconds of speech that may wait
ROUNDS = 8  # requests at once for each place of a batch: more would only wait
REQUESTS = 32  # of a model that answers one after the other, or as streams, at once
STREAMS = 256  # live ones


class Model:
    """Base: a bundle that is served.

    Args:
        name: In requests.
        sample_rate: In Hz.

    Attributes:
        verbs: What it does: `transcribe`, `translate`, `speak`, `stream`.
        most: Requests that may run or wait.
    """

    verbs: tuple[str, ...] = ()
    most = REQUESTS

    def __init__(self, name: str, sample_rate: int) -> None:
        self.name, self.sample_rate = name, sample_rate
        self._admitted = 0
        self._admission = threading.Lock()

    def require_room(self) -> None:
        """Raise `BusyError` where there are as many requests as there may be."""
        if self._admitted >= self.most:
            raise BusyError(f"service: expected at most {self.most} requests at once, found more", 1.0)

    @contextlib.contextmanager
    def admitted(self) -> Iterator[None]:
        """Count a request until the block ends; raises `BusyError` as `require_room` does."""
        with self._admission:
            self.require_room()
            self._admitted += 1
        try:
            yield
        finally:
            with self._admission:
                self._admitted -= 1

    def gauges(self) -> Mapping[str, float]:
        """Figures of now, by name in `espnet2.serving.metrics.GAUGES`."""
        return {}

    def close(self) -> None:
        """Finish what runs."""


class Recognition(Model):
    """A recogniser, whose requests are decoded together.

    Args:
        name: In requests.
        recognizer: Of all requests.
        verbs: What it does.
        prompts: Of a model of many languages and tasks, the options of a verb and a language.
    """

    def __init__(
        self,
        name: str,
        recognizer: Recognizer,
        verbs: tuple[str, ...] = ("transcribe",),
        prompts: Callable[[str, str | None], Mapping[str, str]] | None = None,
    ) -> None:
        super().__init__(name, recognizer.sample_rate)
        self.recognizer, self.verbs, self._prompts = recognizer, verbs, prompts
        self.most = ROUNDS * recognizer.batch_size
        self.scheduler = Scheduler(recognizer, recognizer.batch_size, WAITING, gatherings=recognizer.gatherings)

    def segments(
        self, pieces: Iterable[np.ndarray], ticket: Ticket, verb: str, language: str | None
    ) -> Iterator[Segment]:
        """The segments of a recording, samples (T,) in pieces; models of one language do not look at the language.

        Raises `EspnetError`.
        """
        recognizer: Any = self.recognizer
        if self._prompts is not None:
            recognizer = recognizer.prompted(**self._prompts(verb, language))
        transcriber = Transcriber(recognizer, each=functools.partial(self.scheduler.each, ticket=ticket))
        return transcriber(pieces, "file", lambda seconds: None)

    def gauges(self) -> Mapping[str, float]:
        """Figures of now, by name in `espnet2.serving.metrics.GAUGES`."""
        return {"waiting_seconds": self.scheduler.waiting}

    def close(self) -> None:
        """Finish what runs, and what waits."""
        self.scheduler.close()


class Synthesis(Model):
    """A synthesiser, one piece of a text after the other."""

    verbs = ("speak",)

    def __init__(self, name: str, synthesizer: Synthesizer) -> None:
        super().__init__(name, synthesizer.fs)
        self.synthesizer, self._lock = synthesizer, threading.Lock()

    def samples(self, text: str, ticket: Ticket, **options: Any) -> Iterator[np.ndarray]:
        """Samples (T,) of a text, in pieces as they are there; raises `EspnetError` or `Abandoned`.

        Others wait while a piece is computed, and not while a client takes it, which may be slow.
        """
        with self._lock:
            pieces = self.synthesizer.stream(text, **options)
        while True:
            with self._lock:
                if ticket.is_over():
                    raise Abandoned
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece


class Streaming(Model):
    """A recogniser of streams: live ones, and recordings, which are streams whose samples are all there.

    Args:
        name: In requests.
        recognizer: With the option `timestamps` `token`, texts have times of words.
        threads: Steps at once, of different streams.
        verb: What it does with recordings.

    Attributes:
        hub: Of live streams; recordings have one of their own, so that live ones do not wait for them.
        timestamps: Converter to times of words; None: they are not known.
    """

    def __init__(self, name: str, recognizer: StreamingRecognizer, threads: int = 1, verb: str = "transcribe") -> None:
        super().__init__(name, recognizer.sample_rate)
        self.verbs = ("stream", verb)
        self.hub = StreamHub(recognizer, STREAMS, threads, SHARED)
        self._recordings = StreamHub(recognizer, self.most, threads)
        known = recognizer.timestamps
        self.timestamps = None if known is None else dataclasses.replace(known, unit="word")

    def segments(
        self, pieces: Iterable[np.ndarray], ticket: Ticket, verb: str, language: str | None
    ) -> Iterator[Segment]:
        """The segments of a recording, samples (T,) in pieces, whatever language is named; raises `EspnetError`."""
        return transcribed(self._recordings, ticket, pieces, "file")

    def gauges(self) -> Mapping[str, float]:
        """Figures of now, by name in `espnet2.serving.metrics.GAUGES`."""
        return {"streams": self.hub.count}

    def close(self) -> None:
        """End all streams."""
        self.hub.close()
        self._recordings.close()


def open_models(
    bundles: Mapping[str, str | Path], options: Mapping[str, Any], search: Mapping[str, Any]
) -> dict[str, Model]:
    """The models of bundles by name, the first of each kind being the one that requests get who name none.

    Args:
        bundles: Their directories by name.
        options: Of all models: `quantized`, where they have int8 graphs, and `num_threads`.
        search: Decoding options of recognisers.

    Raises:
        EspnetError: A bundle cannot be used.
    """
    return {name: _opened(name, Bundle.load(path), options, search) for name, path in bundles.items()}


def _opened(name: str, bundle: Bundle, options: Mapping[str, Any], search: Mapping[str, Any]) -> Model:
    own = {**options, "quantized": bool(options.get("quantized") and bundle.manifest.quantized)}
    if family_of(bundle.manifest.task) is family_of("tts"):
        return Synthesis(name, Text2Speech(bundle, **own))
    timed: dict[str, Any] = {"timestamps": "token"} if knows_times(bundle) else {}
    verb = "translate" if bundle.manifest.task == "st" else "transcribe"
    if getattr(bundle.section, "streaming", None):
        asked = own.get("num_threads")
        own["num_threads"], threads = threads_of(asked, batched=True).steps, gatherings_of(asked, STREAMS)
        return Streaming(name, Speech2TextStreaming(bundle, **own, **timed, **search), threads, verb)
    recognizer = Speech2Text(bundle, **own, **{"batch_size": BATCH, **timed, **search})
    if has_prompts(bundle):
        return Recognition(name, recognizer, ("transcribe", "translate"), functools.partial(_prompts, bundle))
    return Recognition(name, recognizer, (verb,))


def _prompts(bundle: Bundle, verb: str, language: str | None) -> Mapping[str, str]:
    """Options of a model of many languages; translations are English, as OpenAI's."""
    language = known_language(language, bundle.section.tokens)
    return prompt_options(bundle, verb, language, "eng" if verb == "translate" else None)
