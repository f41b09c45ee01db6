"""Preprocessing of utterances for speaker models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import AudioError, DataError, OptionError
from espnet2.train.augmentation import NoiseKinds
from espnet2.train.preprocessing.common import CommonPreprocessor

DIGITS = 18  # of a label, at most
TRIAL = ("speech2", "trial")  # fields of the data of speaker models


class SpkPreprocessor(CommonPreprocessor):
    """Cuts speech to one duration, augments it, and numbers speakers.

    In training the part that is cut out is drawn; elsewhere it is the middle. Shorter speech is repeated.

    Args:
        train: Whether to draw, and to add rooms and noise.
        target_duration: Of the parts, in seconds.
        spk2utt: Lines `speaker utterance ...`; speakers are numbered from 0 in their order. Without it, labels are
            numbers already.
        sample_rate: In Hz.
        num_eval: Not read: validation reads one part of an utterance.
        rir_scp, rir_apply_prob: See `Rooms`.
        noise_info, noise_apply_prob, short_noise_thres: See `espnet2.train.augmentation.NoiseKinds`.

    Attributes:
        field: Of the data, with the speaker.
        noun: What is numbered.
        listed: Option that names the list of speakers.

    Raises:
        OptionError: A value that is not allowed.
        DataError: A list that cannot be read.
    """

    field: ClassVar[str] = "spk_labels"
    noun: ClassVar[str] = "speaker"
    listed: ClassVar[str] = "spk2utt"

    def __init__(
        self,
        train: bool,
        target_duration: float,
        spk2utt: str | None = None,
        sample_rate: int = 16000,
        num_eval: int = 10,
        rir_scp: str | None = None,
        rir_apply_prob: float = 1.0,
        noise_info: Sequence[Any] | None = None,
        noise_apply_prob: float = 1.0,
        short_noise_thres: float = 0.5,
    ) -> None:
        super().__init__(train, rir_scp=rir_scp or None, rir_apply_prob=rir_apply_prob, fs=sample_rate)
        self.length = round(target_duration * sample_rate)  # samples
        if self.length < 1:
            raise OptionError(f"target_duration: expected a positive number of seconds, found {target_duration}")
        if train and noise_info:
            self.effects.append(NoiseKinds(noise_info, noise_apply_prob, short_noise_thres, sample_rate))
        self.speakers = None
        if spk2utt:
            self.speakers = {name: number for number, name in enumerate(read_2columns_text(Path(spk2utt)))}

    def reseed(self, key: Sequence[int]) -> None:
        """Seed the random numbers with `key`."""
        self.rng = np.random.default_rng(key)

    def __call__(self, uid: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Speech (T,) of `target_duration`, and the number of its speaker, int64 (1,).

        Raises:
            AudioError: Speech of several channels, or none.
            DataError: An unknown speaker.
            OptionError: Trials, which validation does not score.
        """
        for name in TRIAL:
            if name in data:
                expected = f"speech and {self.field} alone, since trials are not scored here"
                raise OptionError(f"{name}: expected {expected}; found a trial")
        values = dict(data)
        values["speech"] = self.part(uid, values["speech"])
        if self.field in values:
            values[self.field] = np.array([self._number(uid, str(values[self.field]))], np.int64)
        return super().__call__(uid, values)

    def part(self, uid: str, speech: np.ndarray) -> np.ndarray:
        """The part of speech (T,) of `target_duration`."""
        if speech.ndim != 1 or not len(speech):
            raise AudioError(f"{uid}: expected speech of one channel, found shape {speech.shape}")
        spare = len(speech) - self.length
        if spare <= 0:
            return speech[np.arange(self.length) % len(speech)]
        start = int(self.rng.integers(spare + 1)) if self.train else spare // 2
        return speech[start : start + self.length]

    def _number(self, uid: str, label: str) -> int:
        if self.speakers is None:
            if not label.isdecimal() or len(label) > DIGITS:
                raise DataError(
                    f"{uid}: expected the number of a {self.noun}, since {self.listed} is not given, found {label!r}"
                )
            return int(label)
        if label not in self.speakers:
            known = f"{len(self.speakers)} {self.noun}s of {self.listed}"
            raise DataError(f"{uid}: expected one of the {known}, found {label!r}")
        return self.speakers[label]
