"""Speech synthesis with durations, pitch and energy of tokens (Ren et al. 2021, FastSpeech 2, section 2.3)."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, ClassVar

from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import hide_padding
from espnet2.tts.regulated_parts import variance_embedding, variance_predictor
from espnet2.tts.regulated_tts import RegulatedTTS


class VariedTTS(RegulatedTTS):
    """A synthesis model with pitch and energy for each token.

    Attributes:
        stop_gradient_from_pitch_predictor, stop_gradient_from_energy_predictor: it does not train the encoder.
    """

    variances = ("pitch", "energy")
    loss_names: ClassVar[tuple[str, ...]] = ("l1_loss", "duration_loss", "pitch_loss", "energy_loss")
    stop_gradient_from_pitch_predictor: bool
    stop_gradient_from_energy_predictor: bool
    pitch_predictor: nn.Module
    pitch_embed: nn.Module
    energy_predictor: nn.Module
    energy_embed: nn.Module

    def add_variances(self, options: Namespace) -> None:
        """Make the predictors and the embeddings of pitch and energy."""
        self.stop_gradient_from_pitch_predictor = options.stop_gradient_from_pitch_predictor
        self.stop_gradient_from_energy_predictor = options.stop_gradient_from_energy_predictor
        self.pitch_predictor = variance_predictor(options, "pitch")
        self.pitch_embed = variance_embedding(options, "pitch")
        self.energy_predictor = variance_predictor(options, "energy")
        self.energy_embed = variance_embedding(options, "energy")

    def predicted(self, hidden: Tensor, padding: Tensor) -> tuple[Tensor, ...]:
        """Pitch and energy (B, U, 1) of hidden vectors (B, U, D), and padding (B, U)."""
        pitch_input = hidden.detach() if self.stop_gradient_from_pitch_predictor else hidden
        energy_input = hidden.detach() if self.stop_gradient_from_energy_predictor else hidden
        padding = padding.unsqueeze(-1)
        return self.pitch_predictor(pitch_input, padding), self.energy_predictor(energy_input, padding)

    def varied(self, hidden: Tensor, text_lengths: Tensor, *values: Tensor) -> Tensor:
        """Hidden vectors (B, U, D) with their pitch and energy (B, U, 1), and zeros in the padding."""
        pitch, energy = values
        padding = make_pad_mask(text_lengths, hidden.shape[1]).unsqueeze(-1)
        hidden = hide_padding(hidden, padding)
        for embed, numbers in ((self.pitch_embed, pitch), (self.energy_embed, energy)):
            hidden = hidden + embed(hide_padding(numbers, padding).transpose(1, 2)).transpose(1, 2)
        return hidden


class VariedFeatureTTS(VariedTTS):
    """A synthesis model with pitch and energy for each token, whose frames are features."""

    def forward(
        self,
        text: Tensor,
        text_lengths: Tensor,
        feats: Tensor,
        feats_lengths: Tensor,
        durations: Tensor,
        durations_lengths: Tensor,
        pitch: Tensor,
        pitch_lengths: Tensor,
        energy: Tensor,
        energy_lengths: Tensor,
        spembs: Tensor | None = None,
        sids: Tensor | None = None,
        lids: Tensor | None = None,
        joint_training: bool = False,
    ) -> tuple[Tensor, dict[str, Any], Tensor]:
        """The losses of a batch, with given durations, pitch and energy.

        Args:
            text, text_lengths: tokens (B, U) int64, without the end symbol, and their number (B,).
            feats, feats_lengths: features (B, T, F) and frames (B,).
            durations, durations_lengths: steps of the decoder for each token and the end symbol, (B, U + 1) int64.
            pitch, pitch_lengths, energy, energy_lengths: of each token and the end symbol, (B, U + 1, 1).
            spembs, sids, lids: (B, E), (B, 1), (B, 1), as `conditions` says.
            joint_training: give features, (B, T, F), in place of the weight of the batch, and losses as numbers.

        Returns:
            The loss, statistics by name, and the weight of the batch.
        """
        return self.teach(
            (text, text_lengths),
            (feats, feats_lengths),
            (durations, durations_lengths),
            [(pitch, pitch_lengths), (energy, energy_lengths)],
            spembs=spembs,
            sids=sids,
            lids=lids,
            joint_training=joint_training,
        )

    def inference(
        self,
        text: Tensor,
        feats: Tensor | None = None,
        durations: Tensor | None = None,
        spembs: Tensor | None = None,
        sids: Tensor | None = None,
        lids: Tensor | None = None,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        alpha: float = 1.0,
        use_teacher_forcing: bool = False,
    ) -> dict[str, Tensor]:
        """Features of one text.

        Args:
            text: (U,) int64 tokens, without the end symbol.
            feats: (T, F) of a reference, for `use_gst`.
            durations: (U + 1,) int64, used with `use_teacher_forcing`, as are pitch and energy.
            spembs, sids, lids: (E,), (1,), (1,), as `conditions` says.
            pitch, energy: (U + 1, 1).
            alpha: factor of predicted durations; above 1 is slower.
            use_teacher_forcing: speak with the given durations, pitch and energy.

        Returns:
            `feat_gen` (T, F); `duration` (U + 1,), steps, or with teacher forcing their predicted logarithms; and the
            predicted `pitch` and `energy` (U + 1, 1).

        Raises:
            ValueError: a value that is needed is missing, or `alpha` is not positive.
        """
        conditions = {"spembs": spembs, "sids": sids, "lids": lids}
        values = {"pitch": pitch, "energy": energy}
        return self.speak(text, feats, conditions, durations, values, alpha, use_teacher_forcing)
