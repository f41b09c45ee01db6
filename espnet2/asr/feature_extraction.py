"""From samples to the features that an encoder reads, in models of any task."""

from __future__ import annotations

from typing import Any

from torch import Tensor


class FeatureExtraction:
    """Mixin of models with a front end, augmentation and normalisation, each of which may be None."""

    frontend: Any
    specaug: Any
    normalize: Any
    training: bool

    def extract_feats(self, speech: Tensor, speech_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute normalised features (B, T, C) of samples (B, N), zero beyond each utterance, and lengths (B,).

        Augmentation changes features in training only.
        """
        if self.frontend is not None:
            speech, speech_lengths = self.frontend(speech, speech_lengths)
        if self.specaug is not None and self.training:
            speech, speech_lengths = self.specaug(speech, speech_lengths)
        if self.normalize is not None:
            speech, speech_lengths = self.normalize(speech, speech_lengths)
        return speech, speech_lengths
