"""Speech synthesis with durations, pitch and energy of tokens (Ren et al. 2021, FastSpeech 2, section 2.3)."""

from __future__ import annotations

from argparse import Namespace
from typing import ClassVar

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
