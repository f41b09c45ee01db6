"""Models of a service: each bundle under the name of its directory, ready for many requests at once."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from espnet.nets.together import Abandoned
from espnet2.interface.errors import OptionError
from espnet2.interface.families import family_of
from espnet2.runtime.asr import Recognizer, Speech2Text
from espnet2.runtime.asr_streaming import Speech2TextStreaming, StreamingRecognizer
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.cli.models import has_prompts, knows_times, prompt_options
from espnet2.runtime.cli.segments import Segment
from espnet2.runtime.cli.transcriber import Transcriber
from espnet2.runtime.threads import gatherings_of, threads_of
from espnet2.runtime.tts import Synthesizer, Text2Speech
from espnet2.serving.scheduler import BusyError, Scheduler, Ticket
from espnet2.serving.stream_hub import StreamHub

BATCH = 16  # utterances that are decoded together
WAITING = 600.0  # seconds of speech that may wait
ROUNDS = 8  # requests at once for each place of a batch: more would only wait
REQUESTS = 32  # of a model that answers one after the other, at once
STREAMS = 256


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

    def close(self) -> None:
        """Finish what runs."""


class Recognition(Model):
    """A recogniser, whose requests are decoded together."""

    def __init__(self, name: str, recognizer: Recognizer, verb: str = "transcribe") -> None:
        super().__init__(name, recognizer.sample_rate)
        self.recognizer, self.verbs = recognizer, (verb,)
        self.most = ROUNDS * recognizer.batch_size
        self.scheduler = Scheduler(recognizer, recognizer.batch_size, WAITING, gatherings=recognizer.gatherings)

    def segments(
        self, pieces: Iterable[np.ndarray], ticket: Ticket, verb: str, language: str | None
    ) -> Iterator[Segment]:
        """The segments of a recording, samples (T,) in pieces, whatever language is named; raises `EspnetError`."""
        transcriber = Transcriber(self.recognizer, each=lambda speeches: self.scheduler.each(speeches, ticket))
        return transcriber(pieces, "file", lambda seconds: None)

    def close(self) -> None:
        """Finish what runs, and what waits."""
        self.scheduler.close()


class PromptedRecognition(Model):
    """A recogniser of many languages and tasks: one request after the other, since their prompts differ.

    Args:
        recognizer: A `PromptedRecognizer`.
        prompts: Options of language and task, by verb and language.
    """

    verbs = ("transcribe", "translate")

    def __init__(self, name: str, recognizer: Any, prompts: Callable[[str, str | None], Mapping[str, str]]) -> None:
        super().__init__(name, recognizer.sample_rate)
        self.recognizer, self._prompts, self._lock = recognizer, prompts, threading.Lock()

    def segments(
        self, pieces: Iterable[np.ndarray], ticket: Ticket, verb: str, language: str | None
    ) -> Iterator[Segment]:
        """The segments of a recording, samples (T,) in pieces; raises `EspnetError`."""
        options = self._prompts(verb, language)
        with self._lock:
            recognizer = self.recognizer.prompted(**options)
            for segment in Transcriber(recognizer)(pieces, "file", lambda seconds: None):
                if ticket.is_over():
                    raise Abandoned
                yield segment


class Synthesis(Model):
    """A synthesiser, one piece of a text after the other."""

    verbs = ("speak",)

    def __init__(self, name: str, synthesizer: Synthesizer) -> None:
        super().__init__(name, synthesizer.fs)
        self.synthesizer, self._lock = synthesizer, threading.Lock()

    def samples(self, text: str, ticket: Ticket, **options: Any) -> Iterator[np.ndarray]:
        """Samples (T,) of a text, in pieces as they are there; raises `EspnetError`.

        Others wait while a piece is computed, and not while a client takes it, which may be slow.
        """
        with self._lock:
            pieces = self.synthesizer.stream(text, **options)
        while not ticket.is_over():
            with self._lock:
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece


class Streaming(Model):
    """A recogniser of live streams; `threads`: steps at once, of different streams."""

    verbs = ("stream",)

    def __init__(self, name: str, recognizer: StreamingRecognizer, threads: int = 1) -> None:
        super().__init__(name, recognizer.sample_rate)
        self.hub = StreamHub(recognizer, STREAMS, threads)

    def close(self) -> None:
        """End all streams."""
        self.hub.close()


def open_models(
    bundles: Iterable[str | Path], options: Mapping[str, Any], search: Mapping[str, Any]
) -> dict[str, Model]:
    """The models of bundles by name, the first of each kind being the one that requests get who name none.

    Args:
        bundles: Their directories.
        options: Of all models: `quantized`, where they have int8 graphs, and `num_threads`.
        search: Decoding options of recognisers.

    Raises:
        OptionError: Two of one name.
        EspnetError: A bundle cannot be used.
    """
    models: dict[str, Model] = {}
    for path in bundles:
        name = Path(path).resolve().name
        if name in models:
            raise OptionError(f"{path}: expected bundles in directories of different names, found two called {name}")
        models[name] = _opened(name, Bundle.load(path), options, search)
    return models


def _opened(name: str, bundle: Bundle, options: Mapping[str, Any], search: Mapping[str, Any]) -> Model:
    own = {**options, "quantized": bool(options.get("quantized") and bundle.manifest.quantized)}
    if family_of(bundle.manifest.task) is family_of("tts"):
        return Synthesis(name, Text2Speech(bundle, **own))
    timed: dict[str, Any] = {"timestamps": "word"} if knows_times(bundle) else {}
    if getattr(bundle.section, "streaming", None):
        asked = own.get("num_threads")
        own["num_threads"], threads = threads_of(asked, batched=True).steps, gatherings_of(asked, STREAMS)
        return Streaming(name, Speech2TextStreaming(bundle, **own, **timed, **search), threads)
    if has_prompts(bundle):
        return PromptedRecognition(name, Speech2Text(bundle, **own, **search), functools.partial(_prompts, bundle))
    verb = "translate" if bundle.manifest.task == "st" else "transcribe"
    timed = {"timestamps": "token"} if timed else {}
    return Recognition(name, Speech2Text(bundle, **own, **{"batch_size": BATCH, **timed, **search}), verb)


def _prompts(bundle: Bundle, verb: str, language: str | None) -> Mapping[str, str]:
    """Options of a model of many languages; translations are English, as OpenAI's."""
    return prompt_options(bundle, verb, language, "eng" if verb == "translate" else None)
