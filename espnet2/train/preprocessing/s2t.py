"""Preprocessing of utterances for models of many tasks, such as OWSM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from espnet2.interface.errors import DataError
from espnet2.train.preprocessing.common import CommonPreprocessor

WORD_BEGIN = "\N{LOWER ONE EIGHTH BLOCK}"  # of SentencePiece


class WindowPreprocessor(CommonPreprocessor):
    """Base of preprocessors that pad or cut speech to `length` samples, and leave things out at random, as `kept` says.

    In training, `silence` samples at most go before the speech.
    """

    length: int
    silence: int
    kept: Mapping[str, float]

    def reseed(self, key: Sequence[int]) -> None:
        """Seed the random numbers with `key`."""
        self.rng = np.random.default_rng(key)

    def _leaves_out(self, name: str) -> bool:
        return self.train and self.rng.random() >= self.kept[name]

    def _of_length(self, speech: np.ndarray) -> tuple[np.ndarray, int]:
        """Speech of the length of all, and the samples of silence before it."""
        speech = speech[: self.length]
        spare = self.length - len(speech)
        late = int(self.rng.integers(min(self.silence, spare) + 1)) if self.train else 0
        around = [(late, spare - late), *((0, 0),) * (speech.ndim - 1)]
        return np.pad(speech, around), late


class S2TPreprocessor(WindowPreprocessor):
    """Pads or cuts speech to one length, and converts texts with prompts and times, such as those of OWSM.

    In training, silence of random length goes before the speech, and times are as much later; times and previous texts
    are left out at random.

    Args:
        train: Whether to change data at random.
        text_name, text_prev_name, text_ctc_name: Names of the text, the one before it, and the one for CTC.
        fs: Sampling rate of speech in Hz.
        na_symbol: Token in the place of a previous text that is left out.
        speech_length: Of all utterances, in seconds.
        speech_resolution: Seconds from one time to the next.
        speech_init_silence: Silence before the speech in training, in seconds at most.
        text_prev_apply_prob, time_apply_prob: Probabilities in training that previous texts, and times, are kept.
        notime_symbol: Token in the place of times that are left out, behind language and task.
        first_time_symbol, last_time_symbol: Tokens of the earliest and the latest time.
        options: Others of `CommonPreprocessor`.

    Raises:
        OptionError: An option that does not fit another.
        DataError: A token list without one of these symbols.
    """

    def __init__(
        self,
        train: bool,
        text_name: str = "text",
        text_prev_name: str = "text_prev",
        text_ctc_name: str = "text_ctc",
        fs: int = 16000,
        na_symbol: str = "<na>",
        speech_length: float = 30,
        speech_resolution: float = 0.02,
        speech_init_silence: float = 1.0,
        text_prev_apply_prob: float = 0.5,
        time_apply_prob: float = 0.5,
        notime_symbol: str = "<notimestamps>",
        first_time_symbol: str = "<0.00>",
        last_time_symbol: str = "<30.00>",
        **options: Any,
    ) -> None:
        options = {**options, "text_name": text_name, "aux_task_names": [text_prev_name, text_ctc_name], "fs": fs}
        super().__init__(train, **options)
        self.names = text_name, text_prev_name
        self.fs, self.resolution = fs, speech_resolution
        self.length, self.silence = round(speech_length * fs), round(speech_init_silence * fs)  # samples
        self.kept = {"times": time_apply_prob, "previous": text_prev_apply_prob}
        self.symbols: dict[str, int] = {}
        if self.text_to_ids is not None:
            known = self.text_to_ids.converter
            named = {"na": na_symbol, "untimed": notime_symbol, "first": first_time_symbol, "last": last_time_symbol}
            self.symbols = dict(zip(named, known.tokens2ids(named.values()), strict=True))
            for symbol, index in zip(named.values(), self.symbols.values(), strict=True):
                if known.ids2tokens([index]) != [symbol]:
                    raise DataError(f"token_list: expected the symbol {symbol}, found none")

    def __call__(self, uid: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Speech (T,) of `speech_length`, and texts as token ids, int64 (U,).

        Raises:
            DataError: A text without tokens.
            AudioError: Augmentation of speech of several channels, or with a recording that cannot be read.
        """
        values, late = super().__call__(uid, data), 0
        if self.speech_name in values:
            values[self.speech_name], late = self._of_length(values[self.speech_name])
        text, previous = self.names
        if self.symbols and text in values:
            values[text] = self._timed(values[text], round(late / self.fs / self.resolution))
        if self.symbols and previous in values and self._leaves_out("previous"):
            values[previous] = np.array([self.symbols["na"]], np.int64)
        return values

    def _timed(self, text: np.ndarray, steps: int) -> np.ndarray:
        """A text (U,) whose times are so many steps later, or without times."""
        if self.text_to_ids is not None and self.text_to_ids.converter.ids2tokens(text[:1]) == [WORD_BEGIN]:
            text = text[1:]  # SentencePiece begins a text that begins with a symbol
        times = (text >= self.symbols["first"]) & (text <= self.symbols["last"])
        if not times.any():
            return text
        if not self._leaves_out("times"):
            return np.where(times, np.minimum(text + steps, self.symbols["last"]), text)
        return np.insert(text[~times], 2, self.symbols["untimed"])
