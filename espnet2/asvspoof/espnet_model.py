"""Detectors of spoofed speech."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import full_lengths, make_pad_mask
from espnet2.asr.decoder.linear_decoder import pool_mean
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.asr.utterance_model import UtteranceModel
from espnet2.asvspoof.decoder.abs_decoder import AbsDecoder
from espnet2.asvspoof.loss.abs_loss import AbsASVSpoofLoss
from espnet2.interface.errors import ConfigError, TrainingError
from espnet2.interface.spec import Component
from espnet2.interface.spec import Tensor as Declared
from espnet2.layers.abs_normalize import AbsNormalize


class ESPnetASVSpoofModel(UtteranceModel):
    """Detector of spoofed speech.

    Args:
        frontend, specaug, normalize, preencoder: From samples to what the encoder reads; None for parts that are not
            there.
        encoder: Features to frames.
        decoder: Frames to one score.
        losses: By name; the last one trains and scores. Unlike upstream's, their directions are weights of the model.
    """

    @typechecked
    def __init__(
        self,
        frontend: AbsFrontend | None,
        specaug: AbsSpecAug | None,
        normalize: AbsNormalize | None,
        encoder: AbsEncoder,
        preencoder: AbsPreEncoder | None,
        decoder: AbsDecoder,
        losses: Mapping[str, AbsASVSpoofLoss],
    ):
        super().__init__()
        if not losses:
            raise ConfigError("losses: expected at least one in a detector of spoofed speech, found none")
        self.frontend, self.specaug, self.normalize = frontend, specaug, normalize
        self.preencoder, self.encoder, self.decoder = preencoder, encoder, decoder
        self.losses = torch.nn.ModuleDict(losses)

    @property
    def loss(self) -> AbsASVSpoofLoss:
        """The loss that trains and scores."""
        last: AbsASVSpoofLoss = list(self.losses.values())[-1]  # type: ignore[assignment]
        return last

    def forward(
        self, speech: Tensor, speech_lengths: Tensor | None = None, label: Tensor | None = None, **kwargs: Tensor
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Loss of a batch.

        Args:
            speech: (B, N) samples, or (B, T, F) features where there is no front end.
            speech_lengths: (B,) int64; without them, utterances have no padding.
            label: (B,) or (B, 1) int64, 0 or 1.
            kwargs: Not read; further fields of the batch.

        Returns:
            The loss, a scalar; statistics by name, scalars; and the number of utterances.

        Raises:
            TrainingError: No labels, or others than 0 and 1.
        """
        if label is None or len(label.flatten()) != len(speech) or not bool(((label == 0) | (label == 1)).all()):
            raise TrainingError(f"label: expected 0 or 1 for each of {len(speech)} utterances, found {label}"[:200])
        criterion = self.loss
        read = self.scored(speech, full_lengths(speech) if speech_lengths is None else speech_lengths)
        loss = criterion(label=label, **{"emb" if criterion.reads_frames else "pred": read})
        correct = (criterion.score(read) > criterion.threshold) == label.flatten().bool()
        loss = criterion.weight * loss
        stats = {"loss": loss.detach(), "acc": correct.float().mean()}
        return loss, stats, torch.tensor(len(speech), device=loss.device)

    def scored(self, speech: Tensor, speech_lengths: Tensor) -> Tensor:
        """Input of the loss: the decoder's scores (B, 1), or means of the frames of each utterance (B, 1, D)."""
        frames, lengths = self.encode_speech(speech, speech_lengths)
        if not self.loss.reads_frames:
            return self.decoder(frames, lengths)
        return pool_mean(frames, make_pad_mask(lengths, frames.shape[1]).unsqueeze(-1), lengths).unsqueeze(1)

    def score(self, speech: Tensor, speech_lengths: Tensor) -> Tensor:
        """Scores (B,), high for label 1, of speech (B, N), or features (B, T, F), of lengths (B,)."""
        return self.loss.score(self.scored(speech, speech_lengths))

    def parts(self) -> tuple[tuple[torch.nn.Module, Component], ...]:
        """The graph "score": samples, or features where there is no front end, to scores (B,)."""
        return self.utterance_parts("score", "score", Declared("score", ("batch",)))
