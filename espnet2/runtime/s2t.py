"""Speech to text of many tasks, as OWSM: recordings of one window, and of any length, window by window."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np

from espnet.nets.hypothesis import Hypothesis
from espnet2.interface.errors import OptionError
from espnet2.runtime.asr import Speech2Text
from espnet2.runtime.long_recording import Progress
from espnet2.runtime.option_fields import is_finite, require
from espnet2.runtime.prompted import NO_TEXT, PromptedRecognizer
from espnet2.runtime.results import AnyResult, by_speaker
from espnet2.runtime.windows import Clock, Utterance, kept

_log = logging.getLogger(__name__)

LEFT_OVER = 1.0  # seconds at the end of a window where an utterance may not be complete
SHORTEST = 0.2  # seconds of the last window, below which it is left out


class Window(NamedTuple):
    """Utterances of the part of a recording from `start` to `stop`, in seconds, and the score of their text."""

    start: float
    stop: float
    utterances: list[Utterance]
    score: float


class S2TRecognizer(PromptedRecognizer):
    """As its base, and with recordings of any length, of models with times."""

    def decode_long(
        self,
        speech: Any,
        condition_on_prev_text: bool = False,
        init_text: str | None = None,
        end_time_threshold: str | None = None,
        lang_sym: str | None = None,
        task_sym: str | None = None,
        skip_last_chunk_threshold: float = SHORTEST,
    ) -> list[tuple[float, float, str]]:
        """The utterances of a recording of any length: start and end in seconds, and the text of each.

        Args:
            speech: Samples (T,), as for a call.
            condition_on_prev_text: Give the texts of a window as the text before the next one.
            init_text: Text before the first window, with `condition_on_prev_text`.
            end_time_threshold: Time, such as `<29.00>`, behind which the last of several utterances of a window is left
                to the next one; default: 1 s before the window ends.
            lang_sym, task_sym: As for a call.
            skip_last_chunk_threshold: Leave out a last window of fewer seconds.

        Raises:
            AudioError: Speech that cannot be recognised as it is.
            OptionError: A symbol that the model does not have, a model without times, or a threshold that is no number.
        """
        return list(
            self.iter_long(
                speech,
                condition_on_prev_text,
                init_text,
                end_time_threshold,
                lang_sym,
                task_sym,
                skip_last_chunk_threshold,
            )
        )

    def iter_long(
        self,
        speech: Any,
        condition_on_prev_text: bool = False,
        init_text: str | None = None,
        end_time_threshold: str | None = None,
        lang_sym: str | None = None,
        task_sym: str | None = None,
        skip_last_chunk_threshold: float = SHORTEST,
    ) -> Iterator[tuple[float, float, str]]:
        """Yield what `decode_long` returns as it is found, window by window; it takes the same arguments."""
        shortest = skip_last_chunk_threshold
        require(is_finite(shortest), "skip_last_chunk_threshold", "a number of seconds", shortest)
        timed = self.prompted(None, lang_sym, task_sym, predict_time=True)
        samples, latest = self.padded(speech)[: len(speech)], self.latest(end_time_threshold)
        for window in timed.windows(samples, latest, shortest, condition_on_prev_text, init_text):
            for first, last, tokens, _ in window.utterances:
                yield round(window.start + first, 2), round(window.start + last, 2), self.text_of(tokens)

    def windows(
        self,
        samples: np.ndarray,
        latest: float,
        shortest: float = SHORTEST,
        conditioned: bool = False,
        init_text: str | None = None,
    ) -> Iterator[Window]:
        """Decode samples (T,) window by window.

        Args:
            samples: Of any length, in float32.
            latest: Seconds of a window behind which the last of several utterances is left to the next one.
            shortest: Seconds of the last window, below which it is left out, with a warning.
            conditioned: The text of a window, which may be empty, is the text before the next one.
            init_text: Text before the first window, if `conditioned`.
        """
        start, previous = 0.0, init_text if conditioned else None
        while (rest := self.seconds_from(start, samples)) >= max(shortest, 1 / self.sample_rate):
            window = self.window(samples, start, latest, previous)
            yield window
            if conditioned:
                previous = "".join(self.text_of(utterance.tokens) for utterance in window.utterances)  # as upstream
            start = window.stop
        if rest > 0:
            _log.warning("the last %.2f s of the recording are left out, since they are too short", rest)

    def seconds_from(self, start: float, samples: np.ndarray) -> float:
        """Seconds of samples behind `start`, of whole samples."""
        return (len(samples) - round(start * self.sample_rate)) / self.sample_rate

    def window(self, samples: np.ndarray, start: float, latest: float, previous: str | None) -> Window:
        """Decode the window that begins at `start`, behind the text `previous`; a next one begins where it stops."""
        first, seconds = round(start * self.sample_rate), self.section.speech_length
        prompted = self.prompted(NO_TEXT if previous is None else previous)
        (results,) = prompted.batch([samples[first : first + self.section.window]])
        best = by_speaker(results)[""][:1]
        utterances = [utterance for result in best for utterance in self.clock.utterances(result.token_int)]
        chosen, length = kept(utterances, seconds, latest)
        return Window(start, round(start + length, 6), chosen, sum(float(one.hypothesis.score) for one in best))

    @property
    def clock(self) -> Clock:
        """Times of tokens; raises `OptionError` for a model without times."""
        if not self.section.times:
            raise OptionError("long_form: expected false, since the model's tokens have no times, found true")
        first, last = self.section.times
        return Clock(first, last, self.section.speech_length)

    def latest(self, end_time_threshold: str | None = None) -> float:
        """Seconds of a window behind which the last of several utterances is left to the next one."""
        clock = self.clock
        if end_time_threshold is None:
            return clock.seconds - min(LEFT_OVER, clock.seconds / 2)
        token = self.section.indices.get(end_time_threshold, -1)
        if not clock.is_time(token):
            times = " to ".join(self.section.tokens[place] for place in self.section.times)
            raise OptionError(f"end_time_threshold: expected a time, {times}, found {end_time_threshold!r}")
        return clock.time(token)

    def text_of(self, tokens: list[int]) -> str:
        """The text of tokens, or the tokens themselves where the tokenizer is not known."""
        pieces = self.converter.ids2tokens(tokens)
        return " ".join(pieces) if self.tokenizer is None else self.tokenizer.tokens2text(pieces)

    def recognize_long(self, speech: np.ndarray, progress: Progress) -> list[AnyResult]:
        """The result of a recording of several windows: the tokens of its utterances, without their times."""
        special, timed, rate = self.section.special, self.prompted(predict_time=True), self.sample_rate
        tokens, score = timed.primer[-2:], 0.0
        for window in timed.windows(speech, timed.latest()):
            tokens += [token for utterance in window.utterances for token in utterance.tokens]
            score += window.score
            progress(min(window.stop * rate, len(speech)) - window.start * rate)
        yseq = np.array([special["sos"], *tokens, special["eos"]])
        return [self.tagged(tokens, Hypothesis(yseq, score))]


class S2TSpeech2Text(Speech2Text, S2TRecognizer):
    """Recognises or translates speech with a bundle of a model of many tasks, such as OWSM, without PyTorch.

    `espnet2.runtime.Speech2Text` makes one of such a bundle. Arguments are those of that class, with the options of
    `espnet2.runtime.s2t_options.S2TOptions`.
    """

    task: ClassVar[str] = "s2t"
