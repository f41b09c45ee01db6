"""Preprocessing of utterances for models of OWSM-CTC's kind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.interface.errors import DataError, OptionError, shortened
from espnet2.train.preprocessing.s2t import WindowPreprocessor

SHOWN = 80  # characters of a text in an error
PREFIX = 2  # tokens, of language and task, that begin a text


class S2TCTCPreprocessor(WindowPreprocessor):
    """Preprocessor of speech of one length, and of texts that begin with a language and a task: `<eng><asr> a text`.

    Tokenizers of subwords put a token of the space before the first symbol, which is left out. In training, the speech
    begins after silence whose length is drawn; language and previous text are left out by chance.

    Args:
        train: Whether to draw, and to add rooms, noise and effects.
        text_prev_name: Name of the text before the recording.
        text_ctc_name: Name of the transcript, in the language that is spoken.
        fs: Sampling rate in Hz.
        na_symbol: A text that is not available.
        speech_length: Seconds of the speech, padded with zeros or cut.
        speech_init_silence: Longest silence before speech, in seconds.
        text_prev_apply_prob: Probability that training reads the previous text.
        lang_apply_prob: Probability that training reads the language.
        nolang_symbol: Symbol in place of a language.
        token_type, token_list, bpemodel, text_cleaner, g2p_type, unk_symbol, space_symbol, non_linguistic_symbols,
            delimiter, rir_scp, rir_apply_prob, noise_scp, noise_apply_prob, noise_db_range, short_noise_thres,
            speech_volume_normalize, speech_name, text_name, data_aug_effects, data_aug_num, data_aug_prob: As for
            `CommonPreprocessor`.

    Raises:
        OptionError: A value that is not allowed, or a symbol that is no token.
        DataError: A list that cannot be read.
    """

    def __init__(
        self,
        train: bool,
        token_type: str | None = None,
        token_list: Path | str | Iterable[str] | None = None,
        bpemodel: Path | str | None = None,
        text_cleaner: Collection[str] | None = None,
        g2p_type: str | None = None,
        unk_symbol: str = "<unk>",
        space_symbol: str = "<space>",
        non_linguistic_symbols: Path | str | Iterable[str] | None = None,
        delimiter: str | None = None,
        rir_scp: str | None = None,
        rir_apply_prob: float = 1.0,
        noise_scp: str | None = None,
        noise_apply_prob: float = 1.0,
        noise_db_range: str = "3_10",
        short_noise_thres: float = 0.5,
        speech_volume_normalize: float | None = None,
        speech_name: str = "speech",
        text_name: str = "text",
        text_prev_name: str = "text_prev",
        text_ctc_name: str = "text_ctc",
        fs: int = 16000,
        na_symbol: str = "<na>",
        speech_length: float = 30,
        speech_init_silence: float = 1.0,
        text_prev_apply_prob: float = 0.5,
        lang_apply_prob: float = 0.5,
        nolang_symbol: str = "<nolang>",
        data_aug_effects: Sequence[Any] | None = None,
        data_aug_num: Sequence[int] = (1, 1),
        data_aug_prob: float = 0.0,
    ) -> None:
        super().__init__(
            train,
            token_type=token_type,
            token_list=token_list,
            bpemodel=bpemodel,
            text_cleaner=text_cleaner,
            g2p_type=g2p_type,
            unk_symbol=unk_symbol,
            space_symbol=space_symbol,
            non_linguistic_symbols=non_linguistic_symbols,
            delimiter=delimiter,
            rir_scp=rir_scp,
            rir_apply_prob=rir_apply_prob,
            noise_scp=noise_scp,
            noise_apply_prob=noise_apply_prob,
            noise_db_range=noise_db_range,
            short_noise_thres=short_noise_thres,
            speech_volume_normalize=speech_volume_normalize,
            speech_name=speech_name,
            text_name=text_name,
            fs=fs,
            data_aug_effects=data_aug_effects,
            data_aug_num=data_aug_num,
            data_aug_prob=data_aug_prob,
        )
        self.text_name, self.text_prev_name, self.text_ctc_name = text_name, text_prev_name, text_ctc_name
        self.length, self.silence = round(speech_length * fs), round(speech_init_silence * fs)
        if self.length < 1 or self.silence < 0:
            raise OptionError(
                "speech_length, speech_init_silence: expected a number of seconds above 0, and one of at least 0, "
                f"found {speech_length} and {speech_init_silence}"
            )
        self.kept = {"text_prev": text_prev_apply_prob, "lang": lang_apply_prob}
        for name, value in self.kept.items():
            if not 0 <= value <= 1:
                raise OptionError(f"{name}_apply_prob: expected a number from 0 to 1, found {value}")
        self.na_symbol, self.nolang_symbol = na_symbol, nolang_symbol
        if self.text_to_ids is not None:
            self.nolang = self.text_to_ids.converter.tokens2ids([nolang_symbol])[0]

    def __call__(self, uid: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Speech (T,) of one length, token ids (U,) of the texts, and those of language and task as `prefix` (2,).

        The transcript begins with language and task as the text does.

        Raises:
            DataError: A text without tokens, or without language and task.
            AudioError: Augmentation of speech of several channels, or with a recording that cannot be read.
        """
        values = dict(data)
        if self.speech_name in values:
            values[self.speech_name], _ = self._of_length(self._speech(uid, values[self.speech_name]))
        if self.text_to_ids is None or not isinstance(values.get(self.text_name), str):
            return values
        text = self.text_to_ids(uid, values[self.text_name])[1:]
        if len(text) < PREFIX:
            found = shortened(repr(data[self.text_name]), SHOWN)
            raise DataError(f"{uid}: expected a text that begins with language and task, found {found}")
        values[self.text_name], prefix = text, text[:PREFIX]
        if self.text_prev_name in values:
            values[self.text_prev_name] = self._previous(uid, values[self.text_prev_name])
        if self.text_ctc_name in values:
            transcript = self.text_to_ids(uid, values[self.text_ctc_name])
            values[self.text_ctc_name] = np.concatenate([prefix, transcript])
        if self._leaves_out("lang"):
            prefix = np.array([self.nolang, *prefix[1:]], np.int64)
        return {**values, "prefix": prefix}

    def _previous(self, uid: str, text: str) -> np.ndarray:
        """Tokens of the previous text; those of `na_symbol` where it is not read."""
        assert self.text_to_ids is not None
        missing = text == self.na_symbol or self._leaves_out("text_prev")
        ids = self.text_to_ids(uid, self.na_symbol if missing else text)
        return ids[1:] if missing and len(ids) > 1 else ids
