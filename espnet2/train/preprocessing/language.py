"""Preprocessing of utterances for models that identify languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from espnet2.interface.errors import OptionError
from espnet2.train.preprocessing.speaker import SpkPreprocessor


class LIDPreprocessor(SpkPreprocessor):
    """Cuts speech to one duration, or leaves it whole, augments it, and numbers languages; see `SpkPreprocessor`.

    Args:
        train: Whether to draw, and to add rooms and noise.
        lang2utt: Lines `language utterance ...`; languages are numbered from 0 in their order. Without it, labels are
            numbers already.
        fix_duration: Cut speech, or repeat it, to `target_duration`; False: leave it as it is.
        target_duration: In seconds; needed with `fix_duration`.
        sample_rate, rir_scp, rir_apply_prob, noise_info, noise_apply_prob, short_noise_thres: See `SpkPreprocessor`.

    Raises:
        OptionError: A value that is not allowed.
        DataError: A list that cannot be read.
    """

    field: ClassVar[str] = "lid_labels"
    noun: ClassVar[str] = "language"
    listed: ClassVar[str] = "lang2utt"

    def __init__(
        self,
        train: bool,
        lang2utt: str | None = None,
        fix_duration: bool = True,
        target_duration: float | None = None,
        sample_rate: int = 16000,
        rir_scp: str | None = None,
        rir_apply_prob: float = 1.0,
        noise_info: Sequence[Any] | None = None,
        noise_apply_prob: float = 1.0,
        short_noise_thres: float = 0.5,
    ) -> None:
        if fix_duration and target_duration is None:
            raise OptionError("target_duration: expected a number of seconds with fix_duration, found null")
        super().__init__(
            train,
            1.0 if target_duration is None else target_duration,
            lang2utt,
            sample_rate,
            rir_scp=rir_scp,
            rir_apply_prob=rir_apply_prob,
            noise_info=noise_info,
            noise_apply_prob=noise_apply_prob,
            short_noise_thres=short_noise_thres,
        )
        self.fix_duration = fix_duration

    def part(self, uid: str, speech: np.ndarray) -> np.ndarray:
        """The part of speech (T,) that training reads; the whole without `fix_duration`."""
        return super().part(uid, speech) if self.fix_duration else speech
