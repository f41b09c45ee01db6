"""Recognition of a recording of any length by a model of streams, as segments that come one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.cli.cutting import cut
from espnet2.runtime.cli.segments import Segment, Span, speech_spans, split
from espnet2.runtime.cli.transcriber import PAUSE, Progress, Sounding, merged, plain_text
from espnet2.runtime.long_form import SECONDS, SHORTEST, USUAL
from espnet2.runtime.pauses import Cutter
from espnet2.runtime.results import AnyResult
from espnet2.runtime.speech import require_sound


class Stream(Protocol):
    """A stream as `espnet2.runtime.asr_streaming.Session` is one."""

    def __call__(self, speech: np.ndarray, is_final: bool, name: str) -> list[AnyResult]:
        """The results so far, with the next samples; errors call them `name`."""

    def reset(self) -> None:
        """Begin another stream."""


class StreamTranscriber:
    """Recognises recordings as `Transcriber` does; what is between two pauses that divide parts is one stream.

    Args:
        recognizer: Of streams. With the option `timestamps` `token`, segments have times of words.
        pause: Seconds of a pause that ends a segment.
        open_stream: Makes the stream of a recording (default: a session of the recogniser).
    """

    def __init__(
        self,
        recognizer: StreamingRecognizer,
        pause: float = PAUSE,
        open_stream: Callable[[], Stream] | None = None,
    ) -> None:
        self.recognizer, self.pause, self._open = recognizer, pause, open_stream or recognizer.session
        shortest, usual, longest = (int(seconds * recognizer.sample_rate) for seconds in (SHORTEST, USUAL, SECONDS))
        self.cutter = Cutter(recognizer.sample_rate, 1, shortest, usual, longest, 0, 0)

    def __call__(self, pieces: Iterable[np.ndarray], name: str, progress: Progress) -> Iterator[Segment]:
        """Yield the segments of a recording, samples (T,) in pieces; errors call it `name`.

        Raises:
            AudioError: Speech that cannot be recognised as it is.
        """
        rate, stream = self.recognizer.sample_rate, self._open()
        begin, spans, sounding = 0.0, list[Span](), Sounding(pieces)
        for part, samples, around, start in cut(sounding, self.cutter):
            if not spans and not samples.any():
                continue
            begin = begin if spans else part.begin / rate
            spans += [(a + start / rate, b + start / rate) for a, b in speech_spans(around, rate, self.pause)]
            results = stream(samples, part.paused, name)
            if part.paused:
                yield from self._segments(results, begin, merged(spans))
                stream.reset()
                spans = []
            progress(part.stop / rate)
        if spans:
            results = stream(np.zeros(0, np.float32), True, name)
            yield from self._segments(results, begin, merged(spans))
        if not sounding.found:
            require_sound(np.zeros(0), name)

    def _segments(self, results: Sequence[AnyResult], begin: float, spans: Sequence[Span]) -> Iterator[Segment]:
        """Segments of a stream that begins at `begin`, in seconds."""
        timestamps = self.recognizer.timestamps
        for result in results[:1]:
            tokens, frames = self.recognizer.spoken(result)
            times = [] if timestamps is None else timestamps.times(tokens, frames)
            if times:
                moved = [(begin + start, begin + end) for _, start, end in times]
                yield from split(tokens, moved, spans, self.recognizer.tokenizer)
            elif text := plain_text(result):
                yield Segment(spans[0][0], spans[-1][1], text)
