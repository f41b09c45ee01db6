"""Tacotron 2 (Shen et al. 2018)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from typeguard import typechecked

from espnet.nets.pytorch_backend.e2e_tts_tacotron2 import GuidedAttentionLoss, Tacotron2Loss
from espnet.nets.pytorch_backend.nets_utils import choose, full_lengths, make_pad_mask
from espnet.nets.pytorch_backend.rnn.attentions import AttForward, AttForwardTA, AttLoc
from espnet.nets.pytorch_backend.tacotron2.decoder import Decoder, Memory, State
from espnet.nets.pytorch_backend.tacotron2.encoder import Encoder
from espnet2.interface import spec
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.tts.conditions import CONCAT, ConditionedTTS
from espnet2.tts.gst.style_encoder import StyleEncoder
from espnet2.tts.regulated_parts import EOS_LENGTH, PADDING, with_end

ATTENTIONS: dict[str, type[AttLoc]] = {"location": AttLoc, "forward": AttForward, "forward_ta": AttForwardTA}
# By the loss's name, those that are summed.
LOSSES = {
    "L1": ("l1_loss", "bce_loss"),
    "L2": ("mse_loss", "bce_loss"),
    "L1+L2": ("l1_loss", "mse_loss", "bce_loss"),
}
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    name: getattr(functional, name)
    for name in ("elu", "gelu", "hardtanh", "leaky_relu", "relu", "selu", "sigmoid", "silu", "softplus", "tanh")
}

_log = logging.getLogger(__name__)


class Tacotron2(ConditionedTTS):
    """Text to features, step by step.

    Args:
        idim: V, number of tokens, the last of which ends texts.
        odim: F, size of the features.
        embed_dim, elayers, eunits, econv_layers, econv_chans, econv_filts, use_residual: see `Encoder`; `eunits` is D.
        atype, adim, aconv_chans, aconv_filts: attention, "location", "forward" or "forward_ta", its size, and the
            channels, and tokens to either side, of the convolution over earlier weights.
        cumulate_att_w, dlayers, dunits, prenet_layers, prenet_units, postnet_layers, postnet_chans, postnet_filts,
            use_concate, zoneout_rate, reduction_factor: see `Decoder`.
        output_activation: name of the function of frames, or None.
        use_batch_norm, dropout_rate: of encoder and decoder.
        spks, langs, spk_embed_dim, spk_embed_integration_type: see `ConditionedTTS`.
        use_gst, gst_*: speak in the style of a reference, see `StyleEncoder`.
        use_masking, use_weighted_masking, bce_pos_weight: see `Tacotron2Loss`.
        loss_type: "L1", "L2" or "L1+L2", errors of the features.
        use_guided_attn_loss, guided_attn_loss_sigma, guided_attn_loss_lambda: see `GuidedAttentionLoss`.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    projects_voice = False

    @typechecked
    def __init__(
        self,
        idim: int,
        odim: int,
        embed_dim: int = 512,
        elayers: int = 1,
        eunits: int = 512,
        econv_layers: int = 3,
        econv_chans: int = 512,
        econv_filts: int = 5,
        atype: str = "location",
        adim: int = 512,
        aconv_chans: int = 32,
        aconv_filts: int = 15,
        cumulate_att_w: bool = True,
        dlayers: int = 2,
        dunits: int = 1024,
        prenet_layers: int = 2,
        prenet_units: int = 256,
        postnet_layers: int = 5,
        postnet_chans: int = 512,
        postnet_filts: int = 5,
        output_activation: str | None = None,
        use_batch_norm: bool = True,
        use_concate: bool = True,
        use_residual: bool = False,
        reduction_factor: int = 1,
        spks: int | None = None,
        langs: int | None = None,
        spk_embed_dim: int | None = None,
        spk_embed_integration_type: str = "concat",
        use_gst: bool = False,
        gst_tokens: int = 10,
        gst_heads: int = 4,
        gst_conv_layers: int = 6,
        gst_conv_chans_list: Sequence[int] = (32, 32, 64, 64, 128, 128),
        gst_conv_kernel_size: int = 3,
        gst_conv_stride: int = 2,
        gst_gru_layers: int = 1,
        gst_gru_units: int = 128,
        dropout_rate: float = 0.5,
        zoneout_rate: float = 0.1,
        use_masking: bool = True,
        use_weighted_masking: bool = False,
        bce_pos_weight: float = 5.0,
        loss_type: str = "L1+L2",
        use_guided_attn_loss: bool = True,
        guided_attn_loss_sigma: float = 0.4,
        guided_attn_loss_lambda: float = 1.0,
    ):
        super().__init__()
        self.idim, self.odim, self.eos = idim, odim, idim - 1
        self.reduction_factor = reduction_factor
        self.loss_names = choose("loss_type", loss_type, LOSSES)
        activation = None if output_activation is None else choose("output_activation", output_activation, ACTIVATIONS)
        attention: Any = choose("atype", atype, ATTENTIONS)
        if cumulate_att_w and attention.starts_at_first:
            _log.warning("cumulate_att_w: without effect on attention of the type %s", atype)
        self.enc = Encoder(
            idim,
            "embed",
            embed_dim,
            elayers,
            eunits,
            econv_layers,
            econv_chans,
            econv_filts,
            use_batch_norm,
            use_residual,
            dropout_rate,
            PADDING,
        )
        if use_gst:
            self.add_style(
                StyleEncoder(
                    odim,
                    gst_tokens,
                    eunits,
                    gst_heads,
                    gst_conv_layers,
                    gst_conv_chans_list,
                    gst_conv_kernel_size,
                    gst_conv_stride,
                    gst_gru_layers,
                    gst_gru_units,
                )
            )
        self.add_conditions(eunits, spks, langs, spk_embed_dim, spk_embed_integration_type)
        voice = spk_embed_dim or 0 if spk_embed_integration_type == CONCAT else 0
        sizes = [eunits + voice, dunits, adim, aconv_chans, aconv_filts, *[odim] * (atype == "forward_ta")]
        self.dec = Decoder(
            sizes[0],
            odim,
            attention(*sizes),
            dlayers,
            dunits,
            prenet_layers,
            prenet_units,
            postnet_layers,
            postnet_chans,
            postnet_filts,
            activation,
            cumulate_att_w and not attention.starts_at_first,
            use_batch_norm,
            use_concate,
            dropout_rate,
            zoneout_rate,
            reduction_factor,
        )
        self.taco2_loss = Tacotron2Loss(use_masking, use_weighted_masking, bce_pos_weight)
        self.use_guided_attn_loss = use_guided_attn_loss
        if use_guided_attn_loss:
            self.attn_loss = GuidedAttentionLoss(guided_attn_loss_sigma, guided_attn_loss_lambda)

    def forward(
        self,
        text: Tensor,
        text_lengths: Tensor,
        feats: Tensor,
        feats_lengths: Tensor,
        spembs: Tensor | None = None,
        sids: Tensor | None = None,
        lids: Tensor | None = None,
        joint_training: bool = False,
    ) -> tuple[Tensor, dict[str, Any], Tensor]:
        """The losses of a batch, each frame predicted of the given ones before it.

        Args:
            text, text_lengths: tokens (B, U) int64, without the end symbol, and their number (B,).
            feats, feats_lengths: features (B, T, F) and frames (B,).
            spembs, sids, lids: (B, E), (B, 1), (B, 1), as `conditions` says.
            joint_training: give features, (B, T, F), in place of the weight of the batch, and losses as numbers.

        Returns:
            The loss, statistics by name, and the weight of the batch.
        """
        text = text[:, : text_lengths.max()]
        olens = feats_lengths - feats_lengths % self.reduction_factor
        conditions = self.given({"spembs": spembs, "sids": sids, "lids": lids}, feats, feats_lengths)
        feats = feats[:, : olens.max()]
        hidden, ilens = self.hidden(text, text_lengths, *conditions)
        after, before, logits, weights = self.dec(hidden, ilens, feats, olens)
        labels = make_pad_mask(olens - 1, feats.shape[1]).to(feats.dtype)
        names = ("l1_loss", "mse_loss", "bce_loss")
        losses = dict(zip(names, self.taco2_loss(after, before, logits, feats, labels, olens), strict=True))
        summed = self.loss_names
        if self.use_guided_attn_loss:
            losses["attn_loss"] = self.attn_loss(weights, ilens, olens // self.reduction_factor)
            summed = (*summed, "attn_loss")
        loss = torch.stack([losses[name] for name in summed]).sum()
        stats: dict[str, Any] = {name: value.item() for name, value in losses.items()}
        if joint_training:
            return loss, stats, after
        return force_gatherable((loss, {**stats, "loss": loss.item()}, len(text)), loss.device)

    def inference(
        self,
        text: Tensor,
        feats: Tensor | None = None,
        spembs: Tensor | None = None,
        sids: Tensor | None = None,
        lids: Tensor | None = None,
        threshold: float = 0.5,
        minlenratio: float = 0.0,
        maxlenratio: float = 10.0,
        use_att_constraint: bool = False,
        backward_window: int = 1,
        forward_window: int = 3,
        use_teacher_forcing: bool = False,
    ) -> dict[str, Tensor]:
        """Features of one text.

        Args:
            text: (U,) int64 tokens, without the end symbol.
            feats: (T, F), for `use_teacher_forcing`, and of a reference for `use_gst`.
            spembs, sids, lids: (E,), (1,), (1,), as `conditions` says.
            threshold, minlenratio, maxlenratio, use_att_constraint, backward_window, forward_window: see
                `Decoder.inference`.
            use_teacher_forcing: predict each frame of the given ones before it.

        Returns:
            `feat_gen` (T, F), `prob` (T,) that speech ends (without teacher forcing), `att_w` (T / r, U + 1).

        Raises:
            ValueError: a value that is needed is missing.
        """
        conditions = self.given_one({"spembs": spembs, "sids": sids, "lids": lids}, feats)
        hidden, lengths = self.hidden(text[None], full_lengths(text[None]), *conditions)
        if use_teacher_forcing:
            if feats is None:
                raise ValueError("feats: expected features, which use_teacher_forcing needs, found none")
            after, _, _, weights = self.dec(hidden, lengths, feats[None])
            return {"feat_gen": after[0], "att_w": weights[0]}
        constraint = use_att_constraint, backward_window, forward_window
        found = self.dec.inference(hidden[0], threshold, minlenratio, maxlenratio, *constraint)
        return dict(zip(("feat_gen", "prob", "att_w"), found, strict=True))

    def hidden(self, text: Tensor, text_lengths: Tensor, *conditions: Tensor) -> tuple[Tensor, Tensor]:
        """Encode texts (B, U), with their end symbols, under conditions: (B, U + 1, D), and their tokens (B,)."""
        hidden, lengths = self.enc(*with_end(text, text_lengths, self.eos))
        return self.conditioned(hidden, conditions), lengths

    def encode_text(self, text: Tensor, text_lengths: Tensor, *conditions: Tensor) -> tuple[Tensor, ...]:
        """Encode texts and project them for the decoder.

        Args:
            text: (B, U) int64 tokens, without the end symbol.
            text_lengths: (B,) int64.
            conditions: those that `conditions` names: (B, 1) int64 numbers, (B, E) embeddings.

        Returns:
            Of each token and the end symbol: keys (B, U + 1, A), values (B, U + 1, P), weights before the first step
            and, of forward attention, smallest weights (B, U + 1); and their number (B,).
        """
        hidden, lengths = self.hidden(text, text_lengths, *conditions)
        memory = self.dec.memory(hidden, lengths)
        floor = () if memory.floor is None else (memory.floor,)
        return memory.key, memory.value, memory.first, *floor, lengths

    def step(self, *feeds: Tensor) -> tuple[Tensor, ...]:
        """Predict the next frames.

        Args:
            feeds: the results of `encode_text` but for the last; tokens that may be attended to (B, U) bool; noise of
                the prenet (B, layers, units), where it drops anything; and the states, as `State` describes them.

        Returns:
            Frames (B, r, F), probabilities of the end (B, r), attention weights (B, U), and the next states.
        """
        key, value, first, *rest = feeds
        floor = rest.pop(0) if self.dec.att.starts_at_first else None
        memory = Memory(key, value, first, floor, rest.pop(0))
        noise = rest.pop(0) if self._drops else None
        frames, logits, weights, state = self.dec.advance(memory, noise, State(*rest))
        return frames, torch.sigmoid(logits), weights, *(part for part in state if part is not None)

    def refine(self, feats: Tensor, feats_lengths: Tensor) -> Tensor:
        """Features (B, T, F) of so many frames (B,) behind the postnet."""
        return self.dec.refine(feats, feats_lengths)

    @property
    def _drops(self) -> bool:
        """Whether steps read noise."""
        return self.dec.prenet is not None and self.dec.prenet.dropout_rate > 0

    def _noise(self) -> tuple[spec.Tensor, ...]:
        """The noise that steps read."""
        prenet = self.dec.prenet
        if prenet is None or not self._drops:
            return ()
        size = len(prenet.prenet), prenet.n_units
        return (spec.Tensor("noise_dropout", ("batch", *size), below=1.0, noise=True),)

    def _memory(self, axis: str) -> tuple[spec.Tensor, ...]:
        """Outputs of the text encoder that steps read, for the tokens of an axis."""
        tokens = ("batch", axis)
        names = ("first_attention", *["attention_floor"] * self.dec.att.starts_at_first)
        return (
            spec.Tensor("memory_key", (*tokens, self.dec.att.mlp_enc.out_features)),
            spec.Tensor("memory_value", (*tokens, self.dec.context_size)),
            *(spec.Tensor(name, tokens) for name in names),
        )

    def _states(self) -> dict[str, tuple[spec.Axis, ...]]:
        """Axes of the states by name."""
        layers = (len(self.dec.lstm), "batch", self.dec.dunits)
        states: dict[str, tuple[spec.Axis, ...]] = {
            "frame": ("batch", self.odim),
            "lstm_hidden": layers,
            "lstm_cell": layers,
            "attention": ("batch", "tokens"),
        }
        return {**states, "transition": ("batch", 1)} if isinstance(self.dec.att, AttForwardTA) else states

    def components(self) -> tuple[spec.Component, ...]:
        """The graphs "text_encoder", "decoder_step" and "postnet"."""
        batch, frames = ("batch",), ("batch", "frames", self.odim)
        return (
            *self.style_components(),
            spec.Component(
                name="text_encoder",
                method="encode_text",
                inputs=(
                    spec.Tensor("text", ("batch", "tokens"), "int64", below=self.idim),
                    spec.Tensor("text_lengths", batch, "int64", length_of="tokens"),
                    *self.declared_conditions(),
                ),
                outputs=(
                    *self._memory("out_tokens"),
                    spec.Tensor("hidden_lengths", batch, "int64", length_of="out_tokens"),
                ),
                lengths=(spec.OutputLength("out_tokens", "tokens", EOS_LENGTH),),
            ),
            spec.Component(
                name="decoder_step",
                method="step",
                inputs=(*self._memory("tokens"), spec.Tensor("attended", ("batch", "tokens"), "bool"), *self._noise()),
                outputs=(
                    spec.Tensor("frames", ("batch", self.reduction_factor, self.odim)),
                    spec.Tensor("stop", ("batch", self.reduction_factor)),
                    spec.Tensor("att_w", ("batch", "tokens")),
                ),
                states=tuple(
                    spec.State(spec.Tensor(name, axes), spec.Tensor(f"next_{name}", axes))
                    for name, axes in self._states().items()
                ),
            ),
            spec.Component(
                name="postnet",
                method="refine",
                inputs=(
                    spec.Tensor("feats", frames),
                    spec.Tensor("feats_lengths", batch, "int64", length_of="frames"),
                ),
                outputs=(spec.Tensor("feat_gen", frames),),
            ),
        )
