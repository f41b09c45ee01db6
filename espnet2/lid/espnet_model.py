"""Models that identify the language of speech: a language's embedding, and its closeness to each known language."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.interface.errors import ConfigError
from espnet2.interface.spec import Component
from espnet2.interface.spec import Tensor as Declared
from espnet2.layers.abs_normalize import AbsNormalize
from espnet2.spk.encoder.abs_encoder import AbsSpeakerEncoder
from espnet2.spk.espnet_model import ESPnetSpeakerModel
from espnet2.spk.loss.abs_loss import AbsLoss
from espnet2.spk.pooling.abs_pooling import AbsPooling
from espnet2.spk.projector.abs_projector import AbsProjector


class ESPnetLIDModel(ESPnetSpeakerModel):
    """Language identifier: the parts of a speaker model, whose loss knows the directions of languages.

    Args:
        frontend, specaug, normalize, encoder, pooling, projector: See `ESPnetSpeakerModel`.
        loss: That training has; its directions tell languages apart.
        extract_feats_in_collect_stats: Without effect: statistics are those of features.
    """

    def __init__(
        self,
        frontend: AbsFrontend | None,
        specaug: AbsSpecAug | None,
        normalize: AbsNormalize | None,
        encoder: AbsSpeakerEncoder | None,
        pooling: AbsPooling | None,
        projector: AbsProjector | None,
        loss: AbsLoss | None,
        extract_feats_in_collect_stats: bool | None = None,
    ):
        super().__init__(frontend, specaug, normalize, encoder, pooling, projector, loss)

    def forward(  # type: ignore[override]  # other fields, as upstream's
        self,
        speech: Tensor,
        speech_lengths: Tensor | None = None,
        lid_labels: Tensor | None = None,
        extract_embd: bool = False,
        **kwargs: Tensor,
    ) -> Any:
        """Loss of a batch, or its embeddings.

        Args:
            speech: (B, N) samples, or (B, T, F) features where there is no front end.
            speech_lengths: (B,) int64; without them, utterances have no padding.
            lid_labels: (B,) or (B, 1) int64, the languages.
            extract_embd: Return the embeddings (B, D) and the identified languages (B,) int64 instead.
            kwargs: Not read; further fields of the batch.

        Returns:
            The loss, a scalar; statistics by name, scalars; and the number of utterances, by which to average both.

        Raises:
            TrainingError: A loss is asked for without labels, or of a model that has none.
        """
        if extract_embd:
            scores, embedding = self.identify(speech, self.lengths_of(speech, speech_lengths))
            return embedding, scores.argmax(dim=1)
        return self.loss_of(speech, speech_lengths, lid_labels, "lid_labels")

    def project_lang_embd(self, utt_level_feat: Tensor) -> Tensor:
        """Vectors (B, C) to embeddings (B, D)."""
        return self.project_spk_embd(utt_level_feat)

    def identify(self, speech: Tensor, speech_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines with the direction of each language (B, L), and embeddings (B, D), of speech (B, N) of lengths (B,).

        Raises:
            TrainingError: A model without loss, which knows no languages.
            TooShortUttError: See `embed`.
        """
        loss, embedding = self.required_loss(), self.embed(speech, speech_lengths)
        return loss.cosines(embedding), embedding

    def parts(self) -> tuple[tuple[torch.nn.Module, Component], ...]:
        """The graph "language": samples, or features where there is no front end, to scores (B, L) and embeddings."""
        if self.loss is None:
            raise ConfigError("lang_num: expected the number of languages of a model that is exported, found null")
        ((_, component),) = super().parts()
        scores = Declared("scores", ("batch", self.loss.classes))
        outputs = (scores, *component.outputs)
        return ((self, dataclasses.replace(component, name="language", method="identify", outputs=outputs)),)
