"""Classifiers of speech and other sounds, of one class or of several for each recording."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import full_lengths
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.asr.utterance_model import UtteranceModel
from espnet2.cls.decoder.abs_decoder import AbsDecoder
from espnet2.interface.errors import TrainingError
from espnet2.interface.spec import Component
from espnet2.interface.spec import Tensor as Declared
from espnet2.layers.abs_normalize import AbsNormalize
from espnet2.layers.mixup_augmentation import MixupAugment

MULTI_LABEL = "multi-label"
TYPES = ("multi-class", MULTI_LABEL)
THRESHOLD = 0.5  # of the probability of a class, among several


class ESPnetClassificationModel(UtteranceModel):
    """Classifier.

    Args:
        vocab_size: C, number of classes.
        token_list: The classes, and one more token for unknown ones.
        frontend, specaug, normalize, preencoder: From samples to what the encoder reads; None for parts that are not
            there.
        encoder: Features, or samples, to frames.
        decoder: Frames to scores of the classes.
        classification_type: `multi-class`, one class for each recording, or `multi-label`, any number of them.
        lsm_weight: Smoothing of labels; of several labels in training only.
        mixup_probability: Share of utterances that training mixes with others of the batch (Zhang et al. 2018).
        log_epoch_metrics: Without effect.

    Raises:
        ValueError: An option has a value that is not allowed.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        token_list: list[str] | tuple[str, ...],
        frontend: AbsFrontend | None,
        specaug: AbsSpecAug | None,
        normalize: AbsNormalize | None,
        preencoder: AbsPreEncoder | None,
        encoder: AbsEncoder,
        decoder: AbsDecoder,
        classification_type: str = "multi-class",
        lsm_weight: float = 0.0,
        mixup_probability: float = 0.0,
        log_epoch_metrics: bool = False,
    ):
        super().__init__()
        if classification_type not in TYPES:
            raise ValueError(f"classification_type: expected one of {', '.join(TYPES)}, found {classification_type!r}")
        self.vocab_size, self.token_list = vocab_size, list(token_list)
        self.frontend, self.specaug, self.normalize = frontend, specaug, normalize
        self.preencoder, self.encoder, self.decoder = preencoder, encoder, decoder
        self.classification_type = classification_type
        self.several = classification_type == MULTI_LABEL
        self.lsm_weight = lsm_weight
        self.mixup = MixupAugment(mixup_probability) if mixup_probability > 0 else None

    def forward(
        self,
        speech: Tensor,
        speech_lengths: Tensor,
        label: Tensor,
        label_lengths: Tensor | None = None,
        **kwargs: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Loss of a batch.

        Args:
            speech: (B, N) samples, or (B, T, F) features where there is no front end.
            speech_lengths: (B,) int64.
            label: (B, K) int64, the classes of each utterance, padded with -1; K is 1 where each has one.
            label_lengths: Not read.
            kwargs: Not read; further fields of the batch.

        Returns:
            The loss, a scalar; statistics by name, scalars; and the number of utterances.

        Raises:
            TrainingError: A label is no class.
        """
        self._require_classes(label)
        targets = self._targets(label)
        if self.training and self.mixup is not None:
            speech, targets, speech_lengths = self.mixup(speech, targets, speech_lengths)
        logits = self.logits(speech, speech_lengths)
        loss, stats = (self._of_several if self.several else self._of_one)(logits, targets)
        return loss, {"loss": loss.detach(), **stats}, torch.tensor(len(speech), device=loss.device)

    def _require_classes(self, label: Tensor) -> None:
        if label.numel() and int(label.max()) >= self.vocab_size:
            raise TrainingError(f"label: expected numbers below {self.vocab_size}, found {int(label.max())}")
        if not self.several and (label.numel() != len(label) or int(label.min()) < 0):
            raise TrainingError("label: expected one class for each utterance of a multi-class model, found others")

    def _targets(self, label: Tensor) -> Tensor:
        """Numbers of classes (B, K), padded with -1, to shares (B, C), 1 for each of an utterance's classes."""
        there = (label >= 0).unsqueeze(-1)
        shares: Any = one_hot(label.clamp(min=0), self.vocab_size) * there
        return shares.amax(dim=1).float()

    def _of_one(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        best, label = logits.argmax(dim=-1), targets.argmax(dim=-1)
        precision = macro_precision(best, label, self.vocab_size)
        stats = {"acc": (best == label).float().mean(), "macro_precision": precision}
        return cross_entropy(logits, targets.to(logits.dtype), label_smoothing=self.lsm_weight), stats

    def _of_several(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        smoothing = self.lsm_weight if self.training else 0.0
        smoothed = (targets * (1.0 - 2.0 * smoothing) + smoothing).to(logits.dtype)
        loss = binary_cross_entropy_with_logits(logits, smoothed)
        return loss, {"acc": ((torch.sigmoid(logits) > THRESHOLD) == (targets > THRESHOLD)).float().mean()}

    def logits(self, speech: Tensor, speech_lengths: Tensor) -> Tensor:
        """Scores (B, C) before softmax or sigmoid of speech (B, N), or features (B, T, F), of lengths (B,)."""
        return self.decoder(*self.encode_speech(speech, speech_lengths))

    def classify(self, speech: Tensor, speech_lengths: Tensor) -> Tensor:
        """Probabilities (B, C) of the classes of speech (B, N), or features (B, T, F), of lengths (B,)."""
        logits = self.logits(speech, speech_lengths)
        return torch.sigmoid(logits) if self.several else torch.softmax(logits, dim=-1)

    def score(self, speech: Tensor, speech_lengths: Tensor | None = None) -> Tensor:
        """`classify`; without lengths, utterances have no padding."""
        return self.classify(speech, full_lengths(speech) if speech_lengths is None else speech_lengths)

    def get_vocab_size(self) -> int:
        """C."""
        return self.vocab_size

    def parts(self) -> tuple[tuple[torch.nn.Module, Component], ...]:
        """The graph "classes": samples, or features where there is no front end, to probabilities (B, C)."""
        return self.utterance_parts("classes", "classify", Declared("scores", ("batch", self.vocab_size)))


def macro_precision(found: Tensor, expected: Tensor, classes: int) -> Tensor:
    """Mean precision over the classes that are found or expected, both (B,) int64."""
    hits: Any = one_hot(found, classes) * one_hot(expected, classes)
    named = torch.bincount(found, minlength=classes)
    there = (named + torch.bincount(expected, minlength=classes)) > 0
    return (hits.sum(dim=0) / named.clamp(min=1))[there].mean()
