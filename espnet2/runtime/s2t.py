"""Speech to text of many tasks, as OWSM: recordings of one window, and of any length, window by window."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from espnet.nets.hypothesis import Hypothesis
from espnet2.fileio.pieces import Pieces
from espnet2.interface.errors import OptionError
from espnet2.runtime.asr import Speech2Text
from espnet2.runtime.batches import Each, by_itself
from espnet2.runtime.long_recording import Progress
from espnet2.runtime.option_fields import is_finite, require
from espnet2.runtime.prompted import NO_TEXT, PromptedRecognizer
from espnet2.runtime.results import AnyResult, by_speaker
from espnet2.runtime.windows import Clock, Pace, ReadAhead, Utterance, kept

_log = logging.getLogger(__name__)

LEFT_OVER = 1.0  # seconds at the end of a window where an utterance may not be complete
PROMPT_TOKENS = 2  # language and task
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
        *,
        batch_size: int = 1,
        context_len_in_secs: float | None = None,
    ) -> list[tuple[float, float, str]]:
        """The utterances of a recording of any length: start and end in seconds, and the text of each.

        Args:
            speech: Samples (T,), as for a call; or the path of a recording, which is read as it is decoded.
            condition_on_prev_text: Give the texts of a window as the text before the next one.
            init_text: Text before the first window, with `condition_on_prev_text`.
            end_time_threshold: Time, such as `<29.00>`, behind which the last of several utterances of a window is left
                to the next one; default: 1 s before the window ends.
            lang_sym, task_sym: As for a call.
            skip_last_chunk_threshold: Leave out a last window of fewer seconds.
            batch_size, context_len_in_secs: Of models that have CTC alone; here without effect.

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
        *,
        batch_size: int = 1,
        context_len_in_secs: float | None = None,
    ) -> Iterator[tuple[float, float, str]]:
        """Yield what `decode_long` returns as it is found, window by window; it takes the same arguments."""
        shortest = skip_last_chunk_threshold
        require(is_finite(shortest), "skip_last_chunk_threshold", "a number of seconds", shortest)
        timed = self.prompted(None, lang_sym, task_sym, predict_time=True)
        latest = self.latest(end_time_threshold)
        with self._reading(speech) as (recording, name):
            for window in timed.windows(recording, latest, shortest, condition_on_prev_text, init_text, name):
                for utterance in window.utterances:
                    start, end = round(window.start + utterance.start, 2), round(window.start + utterance.end, 2)
                    yield start, end, self.text_of(utterance.tokens)

    def decode_window(
        self,
        speech: Any,
        lang_sym: str | None = None,
        task_sym: str | None = None,
        text_prev: Any = NO_TEXT,
    ) -> str:
        """The best text of a recording of one window, with symbols such as `<eng>`; arguments are those of a call."""
        (results,) = self.prompted(text_prev, lang_sym, task_sym).batch([speech])
        return next((str(result.text or "") for result in by_speaker(results)[""]), "")

    def window_utterances(self, token_int: Sequence[int], offset: float = 0.0) -> list[tuple[float, float, str]]:
        """The utterances of a result of one window: start and end in seconds behind `offset`, and the text of each.

        As in `decode_long`, one that is left to the next window is missing.

        Args:
            token_int: Indices of its tokens, of which the first two are language and task; without times, all are one
                utterance.
        """
        clock = self.clock
        whole = Utterance(0.0, clock.seconds, list(token_int[PROMPT_TOKENS:]))
        found = kept(clock.utterances(token_int), clock.seconds, self.latest())[0] or [whole]
        return [(one.start + offset, one.end + offset, self.text_of(one.tokens)) for one in found]

    @contextlib.contextmanager
    def _reading(self, speech: Any) -> Iterator[tuple[ReadAhead, str]]:
        """A recording, samples (T,) or a path, as `windows` takes it, and its name in errors."""
        if isinstance(speech, str | Path):
            with Pieces(Path(speech), self.sample_rate, str(speech)) as pieces:
                yield ReadAhead(pieces), str(speech)
        else:
            yield ReadAhead([self.padded(speech)[: len(speech)]]), "speech"

    def windows(
        self,
        recording: ReadAhead,
        latest: float,
        shortest: float = SHORTEST,
        conditioned: bool = False,
        init_text: str | None = None,
        name: str = "speech",
        each: Each = by_itself,
    ) -> Iterator[Window]:
        """Decode a recording window by window.

        Args:
            recording: Samples of any length.
            latest: Seconds of a window behind which the last of several utterances is left to the next one.
            shortest: Seconds of the last window, below which it is left out, with a warning.
            conditioned: The text of a window, which may be empty, is the text before the next one.
            init_text: Text before the first window, if `conditioned`.
            name: Of the recording in errors.
            each: Decodes a window.
        """
        start, previous = 0.0, init_text if conditioned else None
        pace = Pace(self.section.speech_length)
        least = max(shortest, 1 / self.sample_rate)
        reach = max(self.section.window, math.ceil(least * self.sample_rate))
        while (rest := len(recording(self.sample_of(start), reach)) / self.sample_rate) >= least:
            window = self.window(recording, start, latest, previous, name, each)
            yield window
            if conditioned:
                previous = "".join(self.text_of(utterance.tokens) for utterance in window.utterances)  # as upstream
            start = round(start + pace(window.stop - start), 6)
        if rest > 0:
            _log.warning("the last %.2f s of the recording are left out, since they are too short", rest)

    def sample_of(self, seconds: float) -> int:
        """Number of the sample at `seconds`."""
        return round(seconds * self.sample_rate)

    def window(
        self,
        recording: ReadAhead,
        start: float,
        latest: float,
        previous: str | None,
        name: str = "speech",
        each: Each = by_itself,
    ) -> Window:
        """Decode the window that begins at `start`, behind the text `previous`; a next one begins where it stops."""
        prompted = self.prompted(NO_TEXT if previous is None else previous)
        samples = prompted.check(recording(self.sample_of(start), self.section.window), name)
        (outcome,) = each(prompted, [samples])
        best = by_speaker(outcome.value())[""][:1]
        utterances = [
            utterance
            for result in best
            for utterance in self.clock.utterances(result.token_int, result.hypothesis.frames)
        ]
        chosen, length = kept(utterances, self.section.speech_length, latest)
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
        for window in timed.windows(ReadAhead([speech]), timed.latest()):
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
