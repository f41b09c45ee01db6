"""Speech synthesis in two steps: tokens are encoded, then their vectors last as many frames as are predicted."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.fastspeech.duration_predictor import DurationPredictor
from espnet.nets.pytorch_backend.fastspeech.length_regulator import expand, frame_tokens, scaled_durations
from espnet.nets.pytorch_backend.nets_utils import full_lengths, make_pad_mask, require_positive
from espnet.nets.pytorch_backend.tacotron2.decoder import Postnet
from espnet.nets.pytorch_backend.transformer.attention import most_heads
from espnet.nets.pytorch_backend.transformer.encoder import EncoderStack
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import hide_padding
from espnet2.interface.spec import Component, Length, OutputLength
from espnet2.interface.spec import Tensor as Declared
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.torch_utils.initialize import initialize
from espnet2.tts import regulated_parts
from espnet2.tts.conditions import ConditionedTTS
from espnet2.tts.regulated_parts import EOS_LENGTH

Padded = tuple[Tensor, Tensor]  # values (B, N, ...) and how many of them each of the batch has (B,)


class RegulatedTTS(ConditionedTTS):
    """A synthesis model with durations, and perhaps further values, for each token.

    Its graphs end where a length depends on data: what "text_encoder" predicts is made the durations, and these the
    frames, outside; "feature_decoder" is told the token of each frame.

    Attributes:
        text_length: number of encoded tokens as a formula of those of the text: an end symbol is added, or is not.
        variances: names of the further values, which are (B, U, 1) each.
        loss_names: names of the losses that `criterion` gives.
        idim: V, number of tokens, the last of which, `eos`, ends texts.
        odim: F, size of the features.
        adim: D.
        reduction_factor: frames that one step of the decoder gives.
        loss: makes the loss of `use_masking` and `use_weighted_masking`; it is called with predicted values, then real
            ones, then tokens and frames (B,).
    """

    text_length = EOS_LENGTH
    variances: ClassVar[tuple[str, ...]] = ()
    loss: ClassVar[Callable[..., nn.Module]]
    loss_names: ClassVar[tuple[str, ...]] = ("l1_loss", "duration_loss")
    idim: int
    odim: int
    adim: int
    eos: int
    reduction_factor: int
    encoder: EncoderStack
    duration_predictor: DurationPredictor
    decoder: Any
    feat_out: nn.Module
    postnet: Postnet | None
    criterion: nn.Module

    def build(self, options: Namespace) -> None:
        """Make all layers; raises `ValueError` for an option that does not fit."""
        sizes = {name: getattr(options, name) for name in ("idim", "odim", "adim", "reduction_factor")}
        require_positive(**sizes)
        for name, size in sizes.items():
            setattr(self, name, size)
        self.eos = options.idim - 1
        self.encoder = regulated_parts.text_stack(options)
        if getattr(options, "use_gst", False):
            self.add_style(regulated_parts.style_encoder(options, options.adim))
        integration = options.spk_embed_integration_type
        self.add_conditions(options.adim, options.spks, options.langs, options.spk_embed_dim, integration)
        self.duration_predictor = regulated_parts.duration_predictor(options)
        self.add_variances(options)
        self.add_decoder(options)
        self.add_output(options)
        if options.init_type != "pytorch":
            initialize(self, options.init_type)
        for name, alpha in self.alphas().items():
            nn.init.constant_(alpha, options.init_enc_alpha if name == "encoder_alpha" else options.init_dec_alpha)

    def add_variances(self, options: Namespace) -> None:
        """Make the layers of further values of tokens, where there are such."""

    def add_decoder(self, options: Namespace) -> None:
        """Make the decoder."""
        self.decoder = regulated_parts.frame_stack(options)

    def add_output(self, options: Namespace) -> None:
        """Make what follows the decoder, and the loss."""
        self.feat_out = nn.Linear(self.adim, self.odim * self.reduction_factor)
        self.postnet = regulated_parts.postnet(options, self.odim)
        self.criterion = self.loss(options.use_masking, options.use_weighted_masking)

    def alphas(self) -> dict[str, Tensor]:
        """The trained factors of a Transformer's positional encodings, by name."""
        return regulated_parts.alphas({"encoder_alpha": self.encoder, "decoder_alpha": self.decoder})

    def encode_text(self, text: Tensor, text_lengths: Tensor, *conditions: Tensor) -> tuple[Tensor, ...]:
        """Encode texts and predict what is needed to speak them.

        Args:
            text: (B, U) int64 tokens, without the end symbol.
            text_lengths: (B,) int64.
            conditions: those that `conditions` names: (B, 1) int64 numbers, (B, E) embeddings.

        Returns:
            Of each token and the end symbol: hidden vectors (B, U', D), logarithms of 1 + duration (B, U'), the
            values that `variances` names (B, U', 1); and their number (B,).
        """
        text, lengths = self.ended(text, text_lengths)
        padding = make_pad_mask(lengths, text.shape[1])
        hidden, _ = self.encoder(text, ~padding.unsqueeze(1))
        hidden = self.conditioned(hidden, conditions)
        return hidden, self.duration_predictor(hidden, padding), *self.predicted(hidden, padding), lengths

    def ended(self, text: Tensor, text_lengths: Tensor) -> Padded:
        """Texts (B, U) and their lengths (B,) with what ends them."""
        return regulated_parts.with_end(text, text_lengths, self.eos)

    def predicted(self, hidden: Tensor, padding: Tensor) -> tuple[Tensor, ...]:
        """Values (B, U, 1) that `variances` names, of hidden vectors (B, U, D) and padding (B, U)."""
        return ()

    def varied(self, hidden: Tensor, text_lengths: Tensor, *values: Tensor) -> Tensor:
        """Hidden vectors (B, U, D) with the values (B, U, 1) that `variances` names, and zeros in the padding."""
        return hide_padding(hidden, make_pad_mask(text_lengths, hidden.shape[1]).unsqueeze(-1))

    def decode_frames(self, hidden: Tensor, text_lengths: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        """Features of texts whose durations are known.

        Args:
            hidden: (B, U, D) of `encode_text`.
            text_lengths: (B,) int64 tokens of each text, with the end symbol.
            given: values (B, U, 1) that `variances` names; (B, T) int64, the token of each step of the decoder; (B,)
                int64 steps of each text.

        Returns:
            (B, T', F), and the frames (B,), `reduction_factor` for each step.
        """
        _, feats, lengths = self.decode_with_postnet(hidden, text_lengths, *given)
        return feats, lengths

    def decode_with_postnet(
        self, hidden: Tensor, text_lengths: Tensor, *given: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The same, with the features before the postnet first."""
        *values, tokens, steps = given
        before = self.steps_of(expand(self.varied(hidden, text_lengths, *values), tokens), steps)
        return self.refined(before, steps)

    def steps_of(self, hidden: Tensor, steps: Tensor) -> Tensor:
        """Features (B, T', F) of vectors (B, T, D) of steps, and their number (B,)."""
        real = ~make_pad_mask(steps, hidden.shape[1]).unsqueeze(1)
        decoded, _ = self.decoder(hidden, real)
        return self.feat_out(decoded).unflatten(-1, (self.reduction_factor, self.odim)).flatten(1, 2)

    def refined(self, before: Tensor, steps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (B, T', F) before the postnet and behind it, and the frames (B,), of steps (B,)."""
        lengths = Length.multiplied(self.reduction_factor)(steps)
        if self.postnet is None:
            return before, before, lengths
        hidden_frames = make_pad_mask(lengths, before.shape[1]).unsqueeze(1)
        return before, before + self.postnet(before.transpose(1, 2), hidden_frames).transpose(1, 2), lengths

    def teach(
        self, text: Padded, feats: Padded, durations: Padded, values: Sequence[Padded], **further: Any
    ) -> tuple[Tensor, dict[str, Any], Tensor]:
        """The losses of a batch.

        Args:
            text: tokens (B, U) int64, without the end symbol.
            feats: features (B, T, F).
            durations: steps of the decoder for each token and the end symbol, (B, U + 1) int64.
            values: those that `variances` names, of each token and the end symbol, (B, U + 1, 1).
            further: conditions, and `joint_training`, see `forward` of the models.

        Returns:
            The loss, statistics by name, and the weight of the batch.
        """
        joint_training = further.pop("joint_training")
        (tokens, _), (steps, _), *variances = (_cut(*pair) for pair in (text, durations, *values))
        real = [value for value, _ in variances]
        olens = feats[1] - feats[1] % self.reduction_factor
        target = feats[0][:, : olens.max()]
        hidden, *predicted, ilens = self.encode_text(tokens, text[1], *self.given(further, *feats))
        known = (*real, frame_tokens(steps)[0], olens // self.reduction_factor)
        before, after, _ = self.decode_for_loss(hidden, ilens, *known, target)
        outputs = (after if self.postnet is not None else None, before, *predicted)
        losses, further_stats = self.losses_of(*outputs, target, steps, *real, ilens, olens)
        loss = torch.stack(losses).sum()
        named = dict(zip(self.loss_names, losses, strict=True)) | further_stats | self.alphas()
        stats: dict[str, Any] = {name: value.item() for name, value in named.items()}
        if joint_training:
            return loss, stats, after
        return force_gatherable((loss, {**stats, "loss": loss.item()}, len(tokens)), loss.device)

    def losses_of(self, *values: Any) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """Losses that `loss_names` names, and further statistics, of the arguments of `criterion`."""
        return self.criterion(*values), {}

    def decode_for_loss(self, hidden: Tensor, text_lengths: Tensor, *given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`decode_with_postnet` in training, where features (B, T', F) to be predicted stand last."""
        return self.decode_with_postnet(hidden, text_lengths, *given[:-1])

    def speak(
        self,
        text: Tensor,
        feats: Tensor | None,
        conditions: Mapping[str, Tensor | None],
        durations: Tensor | None,
        values: Mapping[str, Tensor | None],
        alpha: float,
        use_teacher_forcing: bool,
    ) -> dict[str, Tensor]:
        """Results of `inference`, by name, for one text (U,); `values` are those that `variances` names (U + 1, 1)."""
        given = self.given_one(conditions, feats)
        hidden, logarithms, *predicted, lengths = self.encode_text(text[None], full_lengths(text[None]), *given)
        shown, used = self.duration_predictor.frames(logarithms), predicted
        if use_teacher_forcing:
            found = [value[None] for value in (durations, *values.values()) if value is not None]
            if len(found) <= len(values):
                names = ", ".join(("durations", *values))
                raise ValueError(f"use_teacher_forcing: expected {names}, found fewer")
            shown, (steps, *used) = logarithms, found
        else:
            steps = scaled_durations(shown, alpha)
            # Upstream fills durations of no frame in place, but not those that it multiplies.
            shown = steps if alpha == 1.0 else shown
        generated = self.generate(hidden, lengths, *used, *frame_tokens(steps))
        of_tokens = dict(zip(values, (value[0] for value in predicted), strict=True))
        return {"feat_gen": generated[0], "duration": shown[0], **of_tokens}

    def generate(self, hidden: Tensor, text_lengths: Tensor, *given: Tensor) -> Tensor:
        """Features (B, T', F) of `decode_frames`, with noise, where that reads some, of PyTorch's generator."""
        return self.decode_frames(hidden, text_lengths, *given)[0]

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
                *(Declared(name, (*said, 1)) for name in self.variances),
                Declared("hidden_lengths", ("batch",), "int64", length_of="out_tokens"),
            ),
            lengths=(OutputLength("out_tokens", "tokens", self.text_length),),
            attributes={"attention_heads": most_heads(self.encoder)},
        )

    def frames_component(
        self, outputs: tuple[Declared, ...], rules: tuple[OutputLength, ...] = (), noise: tuple[Declared, ...] = ()
    ) -> Component:
        """The graph "feature_decoder" with these outputs of `decode_frames`, and formulas of their lengths."""
        tokens, batch = ("batch", "tokens"), ("batch",)
        return Component(
            name="feature_decoder",
            method="decode_frames",
            inputs=(
                Declared("hidden", (*tokens, self.adim)),
                Declared("text_lengths", batch, "int64", length_of="tokens"),
                *(Declared(name, (*tokens, 1)) for name in self.variances),
                Declared("frame_tokens", ("batch", "frames"), "int64", below="tokens"),
                Declared("frame_lengths", batch, "int64", length_of="frames"),
                *noise,
            ),
            outputs=outputs,
            lengths=rules,
            attributes={"attention_heads": most_heads(self.decoder)},
        )


def _cut(values: Tensor, lengths: Tensor) -> Padded:
    """Values (B, N, ...) without what is behind the longest, and their lengths (B,)."""
    return values[:, : lengths.max()], lengths
