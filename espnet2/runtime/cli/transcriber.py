"""Recognition of a recording of any length, as segments that come one after the other."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from espnet2.interface.errors import OptionError
from espnet2.runtime.asr import Recognizer
from espnet2.runtime.batches import Each, by_itself
from espnet2.runtime.cli.cutting import Cut, cut
from espnet2.runtime.cli.segments import Segment, Span, speech_spans, split, text_of
from espnet2.runtime.long_recording import Found, join, near_frames
from espnet2.runtime.results import AnyResult, TaggedResult, by_speaker
from espnet2.runtime.s2t import S2TRecognizer
from espnet2.runtime.s2t_section import is_said
from espnet2.runtime.speech import require_sound
from espnet2.runtime.windows import ReadAhead, Utterance

PAUSE = 0.5  # seconds: a shorter pause does not end a segment
Progress = Callable[[float], None]  # takes seconds of the recording that are done, from its beginning


class Transcriber:
    """Recognises recordings: in windows, where the model finds utterances and their times in them, else part by part.

    Args:
        recognizer: For samples of one channel. With the option `timestamps` `token`, segments have times of words.
        pause: Seconds of a pause that ends a segment.
        each: Gives the outcomes of utterances.

    Raises:
        OptionError: A model of features, or of several channels.
    """

    def __init__(self, recognizer: Recognizer, pause: float = PAUSE, each: Each = by_itself) -> None:
        if recognizer.speech.axes[1:] != ("samples",):
            raise OptionError(f"model: expected one that reads samples of one channel, found {recognizer.speech.axes}")
        self.recognizer, self.pause, self._each = recognizer, pause, each
        self.by_window = isinstance(recognizer, S2TRecognizer) and bool(recognizer.section.times)

    def __call__(self, pieces: Iterable[np.ndarray], name: str, progress: Progress) -> Iterator[Segment]:
        """Yield the segments of a recording, samples (T,) in pieces; errors call it `name`.

        Raises:
            AudioError: Speech that cannot be recognised as it is.
        """
        return (self._windows if self.by_window else self._parts)(pieces, name, progress)

    def _windows(self, pieces: Iterable[np.ndarray], name: str, progress: Progress) -> Iterator[Segment]:
        own: Any = self.recognizer
        recognizer = own.prompted(predict_time=True)
        sounding = Sounding(pieces)
        for window in recognizer.windows(ReadAhead(sounding), recognizer.latest(), name=name, each=self._each):
            for utterance in window.utterances if sounding.found else ():
                yield from self._of_utterance(window.start, utterance, sounding.read / recognizer.sample_rate)
            progress(window.stop)
        if not sounding.found:
            require_sound(np.zeros(0), name)

    def _of_utterance(self, start: float, utterance: Utterance, latest: float) -> Iterator[Segment]:
        """The segment of an utterance of the window that begins at `start`; it ends at `latest` at the latest."""
        recognizer: Any = self.recognizer
        first, last = (min(round(start + time, 2), latest) for time in (utterance.start, utterance.end))
        names = recognizer.converter.ids2tokens(utterance.tokens)
        said = [place for place, name in enumerate(names) if is_said(name)]
        tokens = [names[place] for place in said]
        frames = [utterance.frames[place] for place in said] if utterance.frames else []
        times = [] if recognizer.timestamps is None else recognizer.timestamps.times(tokens, frames)
        spans = [tuple(min(max(start + time, first), last) for time in timed[1:]) for timed in times]
        if spans:
            yield from split(tokens, spans, [(first, last)], recognizer.tokenizer)
        elif text := text_of(tokens, recognizer.tokenizer):
            yield Segment(first, last, text)

    def _parts(self, pieces: Iterable[np.ndarray], name: str, progress: Progress) -> Iterator[Segment]:
        form, rate = self.recognizer.long_form, self.recognizer.sample_rate
        longest = min(form.cutter.longest, getattr(form, "window", 0) or form.cutter.longest)
        cutter = dataclasses.replace(form.cutter, context=0, longest=longest, usual=min(form.cutter.usual, longest))
        sounding, end = False, 0
        group: list[tuple[Found, list[Span]]] = []
        for (part, samples, around, start), results in self._recognized(cut(pieces, cutter), name):
            sounding |= bool(samples.any())
            if any(isinstance(result, list) for result in results):
                yield from self._of_speakers(results, part.begin / rate, part.end / rate)
                continue
            shared = max(end - part.begin, 0) if group else 0
            first = start / rate
            spans = [(a + first, b + first) for a, b in speech_spans(around, rate, self.pause)] if results else []
            frames = form.frames(part.begin), form.length(len(samples)), form.frames(shared)
            group.append((Found(results, *frames, paused=False), spans))
            end = part.end
            if part.paused:
                yield from self._segments(group)
                group = []
            progress(part.stop / rate)
        yield from self._segments(group)
        if not sounding:
            require_sound(np.zeros(0), name)

    def _recognized(self, parts: Iterable[Cut], name: str) -> Iterator[tuple[Cut, Any]]:
        """Parts and their results, `batch_size` of which are recognised together."""
        waiting = iter(parts)
        while batch := list(itertools.islice(waiting, self.recognizer.batch_size)):
            checked = [self.recognizer.check(one.samples, name) for one in batch if not _is_silence(one.samples)]
            outcomes = self._each(self.recognizer, checked)
            for one in batch:
                yield one, [] if _is_silence(one.samples) else next(outcomes).value()

    def _of_speakers(self, results: Any, start: float, end: float) -> Iterator[Segment]:
        for nbest in by_speaker(results).values():
            if nbest and (text := plain_text(nbest[0])):
                yield Segment(start, end, text)

    def _segments(self, group: Sequence[tuple[Found, list[Span]]]) -> Iterator[Segment]:
        """Segments of the parts between two pauses."""
        found = [part for part, _ in group]
        spans = merged(span for _, spans in group for span in spans)
        if len(found) > 1:
            results = join(self.recognizer, found, 1, near_frames(self.recognizer.long_form))
            first = 0
        else:
            results, first = (found[0].results, found[0].first) if found else ([], 0)
        if not results:
            return
        result, timestamps = results[0], self.recognizer.timestamps
        tokens, frames = self.recognizer.spoken(result)
        moved = [(a + first, b + first) for a, b in frames]
        times = [] if timestamps is None else timestamps.times(tokens, moved)
        if times:
            yield from split(tokens, [timed[1:] for timed in times], spans, self.recognizer.tokenizer)
        elif text := plain_text(result):
            yield Segment(spans[0][0], spans[-1][1], text)


def plain_text(result: AnyResult) -> str:
    """The text of a result without tags; its tokens where the tokenizer is not known."""
    text = result.text_nospecial if isinstance(result, TaggedResult) else result.text
    return " ".join(result.token) if text is None else text.strip()


class Sounding:
    """Pieces of a recording, the number of samples that were read, and whether these are anything but zeros."""

    def __init__(self, pieces: Iterable[np.ndarray]) -> None:
        self._pieces, self.read, self.found = pieces, 0, False

    def __iter__(self) -> Iterator[np.ndarray]:
        for piece in self._pieces:
            self.read += len(piece)
            self.found |= bool(piece.any())
            yield piece


def _is_silence(samples: np.ndarray) -> bool:
    """Whether samples, of which there are some, are zeros, for which decoders would find texts, too."""
    return len(samples) > 0 and not samples.any()


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, of which those that overlap are one."""
    found: list[Span] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            start, end = found[-1][0], max(found.pop()[1], end)
        found.append((start, end))
    return found
