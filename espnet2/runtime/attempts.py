"""Recognition of recordings one by one, where one that fails becomes a line of the report and stops no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from espnet2.fileio.recording import Recording
from espnet2.runtime.asr import Recognizer
from espnet2.runtime.long_recording import recognize_long
from espnet2.runtime.results import Results

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

# NaN among the scores; speech that is longer than a table of the model, or than memory.
UNCOMPUTABLE = (ValueError, RuntimeError, LookupError, ArithmeticError, MemoryError, OSError)


@dataclass
class Report:
    """Summary of a decode; times in seconds."""

    decoded: int = 0
    audio: float = 0.0
    compute: float = 0.0
    failures: list[tuple[str, str]] = field(default_factory=list)

    def fail(self, utterance: str, sentence: str) -> None:
        """Note, and log, why an utterance is not recognised."""
        _log.warning("%s", sentence)
        self.failures.append((utterance, sentence))

    def attempt(self, recording: Recording, compute: Callable[[], _T]) -> _T | None:
        """Return what `compute` gives; None, and a failure of the recording, where it cannot be computed."""
        try:
            return compute()
        except UNCOMPUTABLE as error:
            self.fail(recording.utterance, f"{recording.place}: {sentence_of(error)}")
            return None


def sentence_of(error: Exception) -> str:
    """The message of an error on one line, or its name where it has none."""
    text = " ".join(str(error).split()) or type(error).__name__
    return f"expected memory enough for it, found too little: {text}" if isinstance(error, MemoryError) else text


def encode_each(recognizer: Recognizer, speeches: Sequence[np.ndarray]) -> list[np.ndarray | Exception]:
    """Encoder output of each, or the error in its place: where a batch fails, each is tried alone."""
    return [found for group in recognizer.long_form.groups(speeches) for found in _forward_each(recognizer, group)]


def _forward_each(recognizer: Recognizer, group: Sequence[np.ndarray]) -> list[np.ndarray | Exception]:
    try:
        return [*recognizer.forward(group)]
    except UNCOMPUTABLE as error:
        if len(group) == 1:
            return [error]
    return [encoded for speech in group for encoded in _forward_each(recognizer, [speech])]


def search_whole(recognizer: Recognizer, encoded: np.ndarray | Exception) -> Results:
    """The results of what `encode_each` gave; raises the error that is in its place."""
    if isinstance(encoded, Exception):
        raise encoded
    return recognizer.search(encoded)


def search_long(recognizer: Recognizer, speech: np.ndarray, name: str) -> Results:
    """The results of a recording that is recognised in parts, with a bar of its own, in seconds."""
    done, rate = 0.0, recognizer.long_form.rate
    with tqdm(total=len(speech) // rate, unit="s", desc=f"  {name}", leave=False, mininterval=1) as bar:

        def progress(steps: float) -> None:
            nonlocal done
            done += steps
            bar.update(int(done / rate) - bar.n)

        return recognize_long(recognizer, speech, progress)
