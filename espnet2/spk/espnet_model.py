"""Speaker models: an utterance goes through a front end, an encoder, a pooling and a projector, to one embedding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from espnet.nets.pytorch_backend.nets_utils import full_lengths
from espnet.nets.pytorch_backend.transformer.attention import most_heads
from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from espnet2.asr.feature_extraction import FeatureExtraction
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.interface.errors import ConfigError, TrainingError
from espnet2.interface.spec import Axis, Component, Length, OutputLength
from espnet2.interface.spec import Tensor as Declared
from espnet2.layers.abs_normalize import AbsNormalize
from espnet2.spk.encoder.abs_encoder import AbsSpeakerEncoder
from espnet2.spk.loss.abs_loss import AbsLoss
from espnet2.spk.pooling.abs_pooling import AbsPooling
from espnet2.spk.projector.abs_projector import AbsProjector
from espnet2.train.abs_espnet_model import AbsESPnetModel


class ESPnetSpeakerModel(FeatureExtraction, AbsESPnetModel):
    """Speaker model.

    Args:
        frontend: makes features of samples; None: features come in.
        specaug: augments features in training, or None.
        normalize: of features, or None.
        encoder: features to frames.
        pooling: frames to one vector.
        projector: that vector to the embedding; None: the vector is the embedding.
        loss: that training has; None in a model that is only to embed.
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
    ):
        super().__init__()
        if encoder is None or pooling is None:
            raise ConfigError("encoder, pooling: expected one each in a speaker model, found none")
        self.frontend = frontend
        self.specaug = specaug
        self.normalize = normalize
        self.encoder = encoder
        self.pooling = pooling
        self.projector = projector
        self.loss = loss

    def forward(
        self,
        speech: Tensor,
        speech_lengths: Tensor | None = None,
        spk_labels: Tensor | None = None,
        task_tokens: Tensor | None = None,
        extract_embd: bool = False,
        **kwargs: Tensor,
    ) -> Any:
        """Loss of a batch, or its embeddings.

        Args:
            speech: (B, N) samples, or (B, T, F) features where there is no front end.
            speech_lengths: (B,) int64; without them, utterances have no padding.
            spk_labels: (B,) or (B, 1) int64, the speakers.
            task_tokens: not read.
            extract_embd: return the embeddings (B, D) instead.
            kwargs: not read; further fields of the batch.

        Returns:
            The loss, a scalar; statistics by name, scalars; and the number of utterances, by which to average both.

        Raises:
            TrainingError: a loss is asked for without labels, or of a model that has none.
        """
        if extract_embd:
            return self.embed(speech, self.lengths_of(speech, speech_lengths))
        return self.loss_of(speech, speech_lengths, spk_labels, "spk_labels")

    def lengths_of(self, speech: Tensor, speech_lengths: Tensor | None) -> Tensor:
        """The lengths that are given, or those of utterances without padding."""
        return full_lengths(speech) if speech_lengths is None else speech_lengths

    def required_loss(self) -> AbsLoss:
        """The loss; raises `TrainingError` for a model that has none."""
        if self.loss is None:
            raise TrainingError(f"loss: expected one in {type(self).__name__}, found none")
        return self.loss

    def loss_of(self, speech: Tensor, speech_lengths: Tensor | None, labels: Tensor | None, field: str) -> Any:
        """Loss of a batch with labels (B,) or (B, 1) int64, which errors call `field`; see `forward`."""
        loss = self.required_loss()
        if labels is None:
            raise TrainingError(f"{field}: expected what the loss is made of, found none")
        if len(labels) != len(speech):
            raise TrainingError(f"{field}: expected {len(speech)} labels, found {len(labels)}")
        embedding = self.embed(speech, self.lengths_of(speech, speech_lengths))
        value, accuracy, _ = loss(embedding, labels)
        stats = {"loss": value.detach(), "accuracy": accuracy}
        return value, stats, torch.tensor(len(speech), device=value.device)

    def embed(self, speech: Tensor, speech_lengths: Tensor) -> Tensor:
        """Embeddings (B, D) of samples (B, N), or features (B, T, F), of lengths (B,).

        Raises:
            TooShortUttError: a batch that gives no frame to pool; graphs leave that to callers.
        """
        self._check_length(speech.shape[1])
        feats, lengths = self.extract_feats(speech, speech_lengths)
        frames, counts = self.encode_frame(feats, lengths), self.encoder.length(lengths)
        # As upstream, whose models know no lengths of features that come in.
        divisors = counts if self.frontend is None else lengths
        return self.project_spk_embd(self.aggregate(frames, divisors, counts))

    def _frames(self) -> Length:
        """Frames that are pooled, as a formula of samples, or of frames of features."""
        front = Length() if self.frontend is None else self.frontend.length
        return front.then(self.encoder.length)

    def _check_length(self, size: int) -> None:
        limit = self._frames().shortest()
        if not torch.compiler.is_exporting() and size < limit:
            unit = "frames" if self.frontend is None else str(self.frontend.reads[0])
            raise TooShortUttError(f"an utterance of {size} {unit} is too short; {limit} are needed", size, limit)

    def extract_feats(self, speech: Tensor, speech_lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """See `FeatureExtraction.extract_feats`; without lengths, utterances have no padding."""
        return super().extract_feats(speech, self.lengths_of(speech, speech_lengths))

    def encode_frame(self, feats: Tensor, feats_lengths: Tensor | None = None) -> Tensor:
        """Features (B, T, F) of lengths (B,) to frames (B, D, T')."""
        return self.encoder(feats, feats_lengths)

    def aggregate(
        self, frame_level_feats: Tensor, feats_lengths: Tensor | None = None, lengths: Tensor | None = None
    ) -> Tensor:
        """Frames (B, D, T') to one vector (B, C); `feats_lengths` (B,) count features, `lengths` (B,) frames."""
        return self.pooling(frame_level_feats, feats_lengths, lengths)

    def project_spk_embd(self, utt_level_feat: Tensor) -> Tensor:
        """Vectors (B, C) to embeddings (B, D)."""
        return utt_level_feat if self.projector is None else self.projector(utt_level_feat)

    def collect_feats(
        self, speech: Tensor, speech_lengths: Tensor, spk_labels: Tensor | None = None, **kwargs: Tensor
    ) -> dict[str, Tensor]:
        """Features before normalisation, and their lengths, which statistics of the training data are made of."""
        if self.frontend is not None:
            speech, speech_lengths = self.frontend(speech, speech_lengths)
        return {"feats": speech, "feats_lengths": speech_lengths}

    def embedding_size(self) -> int:
        """D."""
        return (self.pooling if self.projector is None else self.projector).output_size()

    def parts(self) -> tuple[tuple[torch.nn.Module, Component], ...]:
        """The graph "embedding": samples, or features where there is no front end, to embeddings (B, D)."""
        front: Any = self.frontend
        reads: tuple[Axis, ...] = ("frames", self.encoder.input_size) if front is None else front.reads
        component = Component(
            name="embedding",
            method="embed",
            inputs=(
                Declared("speech", ("batch", *reads)),
                Declared("speech_lengths", ("batch",), "int64", length_of=str(reads[0])),
            ),
            outputs=(Declared("embedding", ("batch", self.embedding_size())),),
            # Frames are no axis of the output, but there has to be one of them.
            lengths=(OutputLength("pooled_frames", str(reads[0]), self._frames()),),
            attributes={
                "attention_heads": most_heads(self.encoder),
                "longest": 0 if front is None else front.longest,
                "least_channels": 1 if front is None else front.least_channels,
            },
        )
        return ((self, component),)
