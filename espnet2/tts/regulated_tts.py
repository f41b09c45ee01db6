"""Speech synthesis in two steps: tokens are encoded, then their vectors last as many frames as are predicted."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from espnet.nets.pytorch_backend.fastspeech.duration_predictor import DurationPredictor
from espnet.nets.pytorch_backend.fastspeech.length_regulator import expand
from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet.nets.pytorch_backend.tacotron2.decoder import Postnet
from espnet.nets.pytorch_backend.transformer.attention import most_heads
from espnet.nets.pytorch_backend.transformer.encoder import EncoderStack
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import hide_padding
from espnet2.interface.spec import Component, Length, OutputLength
from espnet2.interface.spec import Tensor as Declared
from espnet2.tts.conditions import ConditionedTTS

PADDING = 0  # the token that pads texts
EOS_LENGTH = Length(((0, 1, 1),))  # a text with its end symbol


class RegulatedTTS(ConditionedTTS):
    """A synthesis model with durations, pitch and energy for each token.

    Its graphs end where a length depends on data: what "text_encoder" predicts is made the durations, and these the
    frames, outside; "feature_decoder" is told the token of each frame.

    Attributes:
        idim: V, number of tokens, the last of which, `eos`, ends texts.
        odim: F, size of the features.
        adim: D.
        reduction_factor: frames that one step of the decoder gives.
        text_length: number of encoded tokens as a formula of those of the text: an end symbol is added, or is not.
    """

    text_length = EOS_LENGTH
    idim: int
    odim: int
    adim: int
    eos: int
    reduction_factor: int
    stop_gradient_from_pitch_predictor: bool
    stop_gradient_from_energy_predictor: bool
    encoder: EncoderStack
    duration_predictor: DurationPredictor
    pitch_predictor: nn.Module
    pitch_embed: nn.Module
    energy_predictor: nn.Module
    energy_embed: nn.Module
    decoder: EncoderStack

    feat_out: nn.Module
    postnet: Postnet | None

    def encode_text(self, text: Tensor, text_lengths: Tensor, *conditions: Tensor) -> tuple[Tensor, ...]:
        """Encode texts and predict what is needed to speak them.

        Args:
            text: (B, U) int64 tokens, without the end symbol.
            text_lengths: (B,) int64.
            conditions: those that `conditions` names: (B, 1) int64 numbers, (B, E) embeddings.

        Returns:
            Of each token and the end symbol: hidden vectors (B, U', D), logarithms of 1 + duration (B, U'), pitch and
            energy (B, U', 1); and their number (B,).
        """
        text, lengths = self.ended(text, text_lengths)
        padding = make_pad_mask(lengths, text.shape[1])
        hidden, _ = self.encoder(text, ~padding.unsqueeze(1))
        hidden = self.conditioned(hidden, conditions)
        pitch_input = hidden.detach() if self.stop_gradient_from_pitch_predictor else hidden
        energy_input = hidden.detach() if self.stop_gradient_from_energy_predictor else hidden
        return (
            hidden,
            self.duration_predictor(hidden, padding),
            self.pitch_predictor(pitch_input, padding.unsqueeze(-1)),
            self.energy_predictor(energy_input, padding.unsqueeze(-1)),
            lengths,
        )

    def ended(self, text: Tensor, text_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Texts (B, U) and their lengths (B,) with what ends them."""
        positions = torch.arange(text.shape[1] + 1, device=text.device)
        text = pad(text, (0, 1), value=PADDING)
        return torch.where(positions == text_lengths.unsqueeze(1), self.eos, text), self.text_length(text_lengths)

    def decode_frames(
        self,
        hidden: Tensor,
        text_lengths: Tensor,
        pitch: Tensor,
        energy: Tensor,
        frame_tokens: Tensor,
        frame_lengths: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Features of texts whose durations are known.

        Args:
            hidden: (B, U, D) of `encode_text`.
            text_lengths: (B,) int64 tokens of each text, with the end symbol.
            pitch, energy: (B, U, 1).
            frame_tokens: (B, T) int64, the token of each step of the decoder.
            frame_lengths: (B,) int64 steps of each text.

        Returns:
            (B, T', F), and the frames (B,), `reduction_factor` for each step.
        """
        _, feats, lengths = self.decode_with_postnet(hidden, text_lengths, pitch, energy, frame_tokens, frame_lengths)
        return feats, lengths

    def decode_with_postnet(
        self, hidden: Tensor, text_lengths: Tensor, pitch: Tensor, energy: Tensor, tokens: Tensor, steps: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The same, with the features before the postnet first."""
        hidden = self.varied(hidden, text_lengths, pitch, energy)
        real = ~make_pad_mask(steps, tokens.shape[1]).unsqueeze(1)
        decoded, _ = self.decoder(expand(hidden, tokens), real)
        before = self.feat_out(decoded).unflatten(-1, (self.reduction_factor, self.odim)).flatten(1, 2)
        lengths = Length.multiplied(self.reduction_factor)(steps)
        if self.postnet is None:
            return before, before, lengths
        hidden_frames = make_pad_mask(lengths, before.shape[1]).unsqueeze(1)
        return before, before + self.postnet(before.transpose(1, 2), hidden_frames).transpose(1, 2), lengths

    def varied(self, hidden: Tensor, text_lengths: Tensor, pitch: Tensor, energy: Tensor) -> Tensor:
        """Hidden vectors (B, U, D) with their pitch and energy (B, U, 1), and zeros in the padding."""
        padding = make_pad_mask(text_lengths, hidden.shape[1]).unsqueeze(-1)
        hidden = hide_padding(hidden, padding)
        for embed, values in ((self.pitch_embed, pitch), (self.energy_embed, energy)):
            hidden = hidden + embed(hide_padding(values, padding).transpose(1, 2)).transpose(1, 2)
        return hidden

    def components(self) -> tuple[Component, ...]:
        """The graphs "text_encoder" and "feature_decoder"; durations, between the two, set the length of the second."""
        several = self.reduction_factor > 1
        frames = "out_frames" if several else "frames"
        rules = (OutputLength(frames, "frames", Length.multiplied(self.reduction_factor)),) if several else ()
        features = (
            Declared("feat_gen", ("batch", frames, self.odim)),
            Declared("feat_gen_lengths", ("batch",), "int64", length_of=frames),
        )
        return *self.style_components(), self.text_component(), self.frames_component(features, rules)

    def text_component(self) -> Component:
        """The graph "text_encoder"."""
        said = ("batch", "out_tokens")
        return Component(
            name="text_encoder",
            method="encode_text",
            inputs=(
                Declared("text", ("batch", "tokens"), "int64", below=self.idim),
                Declared("text_lengths", ("batch",), "int64", length_of="tokens"),
                *self.declared_conditions(),
            ),
            outputs=(
                Declared("hidden", (*said, self.adim)),
                Declared("log_durations", said),
                Declared("pitch", (*said, 1)),
                Declared("energy", (*said, 1)),
                Declared("hidden_lengths", ("batch",), "int64", length_of="out_tokens"),
            ),
            lengths=(OutputLength("out_tokens", "tokens", self.text_length),),
            attributes={"attention_heads": most_heads(self.encoder)},
        )

    def frames_component(self, outputs: tuple[Declared, ...], rules: tuple[OutputLength, ...] = ()) -> Component:
        """The graph "feature_decoder" with these outputs of `decode_frames`, and formulas of their lengths."""
        tokens, batch = ("batch", "tokens"), ("batch",)
        return Component(
            name="feature_decoder",
            method="decode_frames",
            inputs=(
                Declared("hidden", (*tokens, self.adim)),
                Declared("text_lengths", batch, "int64", length_of="tokens"),
                Declared("pitch", (*tokens, 1)),
                Declared("energy", (*tokens, 1)),
                Declared("frame_tokens", ("batch", "frames"), "int64", below="tokens"),
                Declared("frame_lengths", batch, "int64", length_of="frames"),
            ),
            outputs=outputs,
            lengths=rules,
            attributes={"attention_heads": most_heads(self.decoder)},
        )
