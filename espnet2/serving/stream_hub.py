"""Streams, live ones or recordings, of which those that wait for a step are stepped together."""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from espnet.nets.together import Abandoned, Outcome
from espnet2.runtime.asr_streaming import Session, StreamingRecognizer
from espnet2.runtime.cli.segments import Segment
from espnet2.runtime.cli.stream_transcriber import StreamTranscriber
from espnet2.runtime.cli.transcriber import PAUSE
from espnet2.runtime.results import AnyResult
from espnet2.serving.scheduler import BusyError, Ticket

MOST_WAITING = 60.0  # seconds of one stream that may wait to be recognised
MOST_AT_ONCE = 1800.0  # seconds of all streams beyond which one may not send more than that in one message
TOGETHER = 8  # streams of a step: more make it hardly faster, take memory, and let the first of them wait for the last
PIECE = 5.0  # seconds of a stream in a step: more, of a recording or sent at once, would keep others waiting
SHARED = 0.64  # seconds of a live stream in a step while there are others: what is sent at once would keep them waiting
LOOK = 1.0  # seconds between looks whether somebody still waits for a recording
# Takes the results so far, or what ended the stream, and whether they are the last.
Deliver = Callable[[list[AnyResult] | Exception, bool], None]


class LiveStream:
    """A stream of a `StreamHub`; `deliver` is called in the hub's thread."""

    def __init__(self, hub: StreamHub, session: Session, deliver: Deliver) -> None:
        self._hub, self.session, self.deliver = hub, session, deliver
        self.name = "speech"  # in errors
        self.pieces: list[np.ndarray] = []  # that wait
        self.ends = False
        self.is_stepping = False
        self.is_closed = False

    def extend(self, samples: np.ndarray, is_final: bool = False) -> None:
        """Add samples (T,), floating point in [-1, 1), at the model's rate.

        Raises `BusyError` for a stream that sends more than can be recognised.
        """
        self._hub.extend(self, samples, is_final)

    @property
    def waiting(self) -> int:
        """Samples that wait."""
        return sum(map(len, self.pieces))

    def take(self, most: int) -> tuple[np.ndarray, bool]:
        """The samples that wait, the first ones of more than `most`, and whether they are the stream's last."""
        samples = self.pieces[0] if len(self.pieces) == 1 else np.concatenate(self.pieces)
        rest = samples[most:]
        self.pieces = [rest] if len(rest) else []
        return samples[:most], self.ends and not len(rest)

    def close(self) -> None:
        """Forget the stream."""
        self._hub.forget(self)


class StreamHub:
    """Streams of one recogniser: threads take what has been sent, step those streams together, and deliver the results.

    Args:
        recognizer: Of streams.
        most: Streams at once.
        threads: Steps at once, of different streams.
        shared: Seconds of a stream in a step while there are others; those of `Recorded` need pieces as a whole.
    """

    def __init__(self, recognizer: StreamingRecognizer, most: int, threads: int = 1, shared: float = PIECE) -> None:
        self.recognizer, self.most, self._shared = recognizer, most, shared
        self._streams: set[LiveStream] = set()
        self._ready: dict[LiveStream, None] = {}  # that wait for a step, the first one first
        self._idle = 0  # threads
        self.is_closed = False
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def count(self) -> int:
        """Streams at present."""
        return len(self._streams)

    def open(self, deliver: Deliver) -> LiveStream:
        """A new stream; raises `BusyError` where there are too many."""
        with self._lock:
            if len(self._streams) >= self.most:
                raise BusyError(f"service: expected at most {self.most} streams, found {self.most + 1}", 5.0)
            stream = LiveStream(self, self.recognizer.session(), deliver)
            self._streams.add(stream)
        return stream

    def extend(self, stream: LiveStream, samples: np.ndarray, is_final: bool) -> None:
        """Add samples to a stream; see `LiveStream.extend`."""
        if not len(samples) and not is_final:
            return
        with self._lock:
            self._require_room(stream, len(samples), is_final)
            stream.pieces.append(samples)
            stream.ends |= is_final
            self._note(stream)

    def _require_room(self, stream: LiveStream, count: int, is_final: bool) -> None:
        """Raise `BusyError` where a stream is far ahead of its results, or sends much at once while much waits."""
        rate = self.recognizer.sample_rate
        waiting = stream.waiting / rate
        if waiting > MOST_WAITING and not is_final:
            raise BusyError(f"stream: expected at most {MOST_WAITING:g} s ahead of the results, found more", 5.0)
        if waiting + count / rate > MOST_WAITING:
            others = sum(one.waiting for one in self._streams if one is not stream) / rate
            if others and others + waiting + count / rate > MOST_AT_ONCE:
                message = f"service: expected at most {MOST_AT_ONCE:g} s of all streams waiting, found more"
                raise BusyError(message, 5.0)

    def forget(self, stream: LiveStream) -> None:
        """Remove a stream."""
        with self._lock:
            stream.is_closed = True
            self._streams.discard(stream)
            self._ready.pop(stream, None)

    def close(self) -> None:
        """End the threads, once no stream waits for a step."""
        with self._lock:
            self.is_closed = True
            self._news.notify_all()
        for thread in self._threads:
            thread.join()

    def _note(self, stream: LiveStream) -> None:
        """Let a stream wait for a step, where it has samples and makes none."""
        if stream.pieces and not stream.is_stepping and not stream.is_closed:
            self._ready[stream] = None
            self._news.notify()

    def _run(self) -> None:
        while ready := self._taken():
            self._step(ready)
            with self._lock:
                for stream, _, _ in ready:
                    stream.is_stepping = False
                    self._note(stream)

    def _taken(self) -> list[tuple[LiveStream, np.ndarray, bool]]:
        """The next streams and what they have sent: a fair share for each idle thread; none where the hub has ended."""
        with self._lock:
            self._idle += 1
            self._news.wait_for(lambda: self._ready or self.is_closed)
            share = min(-(-len(self._ready) // self._idle), TOGETHER)
            self._idle -= 1
            seconds = PIECE if len(self._streams) == 1 else self._shared
            most = int(seconds * self.recognizer.sample_rate)
            ready = [(one, *one.take(most)) for one in itertools.islice(self._ready, share)]
            for stream, _, _ in ready:
                del self._ready[stream]
                stream.is_stepping = True
        return ready

    def _step(self, ready: list[tuple[LiveStream, np.ndarray, bool]]) -> None:
        """Step streams together; where that fails, each alone, so that none ends another."""
        pieces: list[Any] = [(stream.session, samples, ends) for stream, samples, ends in ready]
        try:
            outcomes = self.recognizer.outcomes(pieces, [stream.name for stream, _, _ in ready])
        except Exception as error:  # samples that cannot be taken, or the encoder: nothing was done
            if len(ready) > 1:
                for one in ready:
                    self._step([one])
                return
            outcomes = [Outcome(error=error)]
        for (stream, _, ends), outcome in zip(ready, outcomes, strict=True):
            if not stream.is_closed:
                result: Any = outcome.value() if outcome.error is None else outcome.error
                with contextlib.suppress(RuntimeError):  # of an event loop that has ended
                    stream.deliver(result, ends)


class Recorded:
    """A stream of a hub for samples that are all there: as `Session`, but each call waits for its results.

    Args:
        hub: That steps it together with others.
        ticket: Interest in it; calls raise `Abandoned` where that is over.
    """

    def __init__(self, hub: StreamHub, ticket: Ticket) -> None:
        self._hub, self._ticket = hub, ticket
        self._found: queue.SimpleQueue[list[AnyResult] | Exception] = queue.SimpleQueue()
        self._stream = self._opened()

    def _opened(self) -> LiveStream:
        return self._hub.open(lambda results, is_final: self._found.put(results))

    def __call__(self, speech: np.ndarray, is_final: bool = True, name: str = "speech") -> list[AnyResult]:
        """The results so far, best first, with the next samples (T,); errors call them `name`."""
        self._stream.name = name
        size, results = int(PIECE * self._hub.recognizer.sample_rate), list[AnyResult]()
        for start in range(0, max(len(speech), int(is_final)), size):
            self._stream.extend(speech[start : start + size], is_final and start + size >= len(speech))
            results = self._awaited()
        return results

    def _awaited(self) -> list[AnyResult]:
        while not (self._ticket.is_over() or self._hub.is_closed):
            with contextlib.suppress(queue.Empty):
                results = self._found.get(timeout=LOOK)
                if isinstance(results, Exception):
                    raise results
                return results
        raise Abandoned

    def reset(self) -> None:
        """Begin another stream."""
        self.close()
        self._stream = self._opened()

    def close(self) -> None:
        """Forget the stream."""
        self._stream.close()


def transcribed(
    hub: StreamHub, ticket: Ticket, pieces: Iterable[np.ndarray], name: str, pause: float = PAUSE
) -> Iterator[Segment]:
    """The segments of a recording, samples (T,) in pieces, by streams of a hub; errors call it `name`."""
    with contextlib.closing(Recorded(hub, ticket)) as stream:
        transcriber = StreamTranscriber(hub.recognizer, pause, lambda: stream)
        yield from transcriber(pieces, name, lambda seconds: None)
