"""Times of known texts in a recording: the most probable alignment of their tokens with a CTC output.

Recordings may be hours long: encoder outputs are computed in parts, of log-probabilities only those of the texts'
tokens are held, and the alignment (`espnet.nets.ctc_alignment`) needs little more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from espnet.nets.ctc_alignment import align
from espnet.nets.scorers.ctc import CTCGraph
from espnet2.interface.errors import AudioError, DataError, OptionError
from espnet2.runtime.asr import Recognizer
from espnet2.text.cleaner import TextCleaner

FRAMES = 3000  # whose log-probabilities of all tokens are held at once
UNKNOWN = "<unk>"


@dataclass(frozen=True)
class Token:
    """A token or word, from `start` to `end` in seconds; `score` is the mean probability of its frames."""

    text: str
    start: float
    end: float
    score: float


@dataclass(frozen=True)
class Segment(Token):
    """An utterance with its tokens and its words; `score` is the mean of its tokens'."""

    tokens: list[Token] = field(default_factory=list)
    words: list[Token] = field(default_factory=list)


class TextAligner:
    """Aligns texts with recordings that say them and nothing else, by a recogniser that has CTC.

    Args:
        recognizer: The recogniser, on PyTorch or on a bundle, for one speaker.
        cleaner: Of texts, before they are split into tokens; default: none.

    Raises:
        OptionError: The recogniser has no CTC or no tokenizer, or reads features rather than samples.
    """

    def __init__(self, recognizer: Recognizer, cleaner: Callable[[str], str] | None = None) -> None:
        if recognizer.tokenizer is None:
            raise OptionError(
                "token_type: expected the kind of tokens, since the model's tokenizer is not known; found none"
            )
        if recognizer.seconds is None or recognizer.ctc is None or recognizer.long_form.speakers:
            raise OptionError("model: expected one with CTC for one speaker that reads samples, found another")
        self.recognizer, self.tokenizer = recognizer, recognizer.tokenizer
        self.seconds, self.ctc = recognizer.seconds, recognizer.ctc
        self.cleaner = cleaner or TextCleaner(None)

    def __call__(self, speech: Any, utterances: str | Sequence[str]) -> list[Segment]:
        """The times of utterances in the order in which a recording has them.

        Args:
            speech: Samples (T,), floating point in [-1, 1), at the model's rate.
            utterances: A text each, as a list or as the lines of a string; empty ones are left out.

        Raises:
            AudioError: Speech that cannot be recognised as it is.
            DataError: There is no text, a text that the model's tokens cannot write, or a recording that is too short.
        """
        lines = [line.strip() for line in (utterances.splitlines() if isinstance(utterances, str) else utterances)]
        lines = [line for line in lines if line]
        if not lines:
            raise DataError("text: expected at least one utterance, found none")
        pieces = [self.tokenizer.text2tokens(self.cleaner(line)) for line in lines]
        labels = [self._labels(number, line) for number, line in enumerate(pieces, 1)]
        known, columns = np.unique(np.concatenate([[self.recognizer.blank], *labels]), return_inverse=True)
        samples, rate = self.recognizer.check(speech), self.recognizer.sample_rate
        if len(samples) < len(speech):
            longest = f"at most {len(samples) / rate:g} s, which the model reads at once"
            raise AudioError(f"speech: expected {longest}, found {len(speech) / rate:.1f} s")
        log_probs = self._log_probs(self.recognizer.frames_of(samples), known, self.ctc)
        frames = align(log_probs, columns[1:], int(columns[0]))
        if not frames:
            raise DataError(
                f"text: expected tokens that {len(log_probs)} frames of the recording have room for, found "
                f"{len(columns) - 1} tokens"
            )
        scores = [
            float(np.exp(log_probs[start:end, column]).mean())
            for (start, end), column in zip(frames, columns[1:], strict=True)
        ]
        # The last frame of a recording may be behind its end.
        latest = len(speech) / rate
        spans = [(min(start * self.seconds, latest), min(end * self.seconds, latest)) for start, end in frames]
        ends = np.cumsum([len(line) for line in pieces]).tolist()
        return [
            self._segment(line, tokens, spans[end - len(tokens) : end], scores[end - len(tokens) : end])
            for line, tokens, end in zip(lines, pieces, ends, strict=True)
        ]

    def _labels(self, number: int, tokens: list[str]) -> np.ndarray:
        """Indices of the tokens of utterance `number`."""
        labels = self.tokenizer.converter(self.recognizer.token_list).tokens2ids(tokens)
        vocabulary = self.recognizer.token_list
        unknown = [token for token, label in zip(tokens, labels, strict=True) if vocabulary[label] == UNKNOWN != token]
        if unknown or not labels:
            found = f"{unknown[0]!r}" if unknown else "none"
            raise DataError(f"text: utterance {number}: expected tokens of the model, found {found}")
        return np.array(labels, np.int64)

    @staticmethod
    def _log_probs(encoder_out: np.ndarray, tokens: np.ndarray, ctc: CTCGraph) -> np.ndarray:
        """Log-probabilities (T, U) of some of the vocabulary's tokens (U,)."""
        pieces = [encoder_out[None, first : first + FRAMES] for first in range(0, len(encoder_out), FRAMES)]
        return np.concatenate([ctc.log_softmax(piece)[0][:, tokens] for piece in pieces])

    def _segment(
        self, text: str, tokens: list[str], spans: Sequence[tuple[float, float]], scores: list[float]
    ) -> Segment:
        """The utterance of these tokens, which last from start to end, in seconds."""
        timed = [Token(token, *span, score) for token, span, score in zip(tokens, spans, scores, strict=True)]
        words = [
            Token(
                self.tokenizer.tokens2text(tokens[first:last]).strip(),
                spans[first][0],
                spans[last - 1][1],
                float(np.mean(scores[first:last])),
            )
            for first, last in self.tokenizer.words(tokens)
        ]
        score = float(np.mean(scores))
        return Segment(text, spans[0][0], spans[-1][1], score, timed, [word for word in words if word.text])
