"""Transformer TTS (Li et al. 2019)."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from typeguard import typechecked

from espnet.nets.pytorch_backend.e2e_tts_tacotron2 import Tacotron2Loss
from espnet.nets.pytorch_backend.e2e_tts_transformer import GuidedMultiHeadAttentionLoss
from espnet.nets.pytorch_backend.nets_utils import (
    choose,
    full_lengths,
    make_non_pad_mask,
    make_pad_mask,
    require_positive,
)
from espnet.nets.pytorch_backend.transformer.attention import attention_weights, most_heads
from espnet.nets.pytorch_backend.transformer.embedding import ScaledPositionalEncoding
from espnet.nets.pytorch_backend.transformer.encoder_layer import EncoderLayer
from espnet2.interface import spec
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.torch_utils.initialize import initialize
from espnet2.tts.conditions import ConditionedTTS
from espnet2.tts.regulated_parts import EOS_LENGTH, options_of, postnet, style_encoder, with_end
from espnet2.tts.transformer.guided import GuidedAttention
from espnet2.tts.transformer.interface import memory_of, step_component
from espnet2.tts.transformer.layers import frame_decoder, text_encoder

# By the loss's name, those that are summed.
LOSSES = {
    "L1": ("l1_loss", "bce_loss"),
    "L2": ("l2_loss", "bce_loss"),
    "L1+L2": ("l1_loss", "l2_loss", "bce_loss"),
}


class Transformer(ConditionedTTS):
    """Text to features, step by step.

    Args:
        idim: V, number of tokens, the last of which ends texts.
        odim: F, size of the features.
        embed_dim, eprenet_conv_layers, eprenet_conv_chans, eprenet_conv_filts, eprenet_dropout_rate: size of
            embeddings of tokens, and the convolutions over them; 0 layers: embeddings of size D.
        dprenet_layers, dprenet_units, dprenet_dropout_rate: see `Prenet`; 0 layers: a linear layer.
        adim, aheads: D and H.
        elayers, eunits: layers of the encoder, and the size between their feed-forward layers.
        dlayers, dunits: the same of the decoder.
        postnet_layers, postnet_chans, postnet_filts, postnet_dropout_rate, use_batch_norm: see `Postnet`; 0: none.
        positionwise_layer_type, positionwise_conv_kernel_size: of the encoder, "linear", "conv1d" or "conv1d-linear".
        use_scaled_pos_enc: positional encodings have a trained factor.
        encoder_normalize_before, decoder_normalize_before: normalise before (True) or after (False) each branch.
        encoder_concat_after, decoder_concat_after: combine attention's input and output by a linear layer.
        reduction_factor: r, frames of a step.
        spks, langs, spk_embed_dim, spk_embed_integration_type: see `ConditionedTTS`.
        use_gst, gst_*: speak in the style of a reference, see `StyleEncoder`.
        transformer_*_rate: dropout rates.
        init_type: weights that training starts from, a name in `INITIALIZERS`; "pytorch": those of the layers.
        init_enc_alpha, init_dec_alpha: the factors of positional encodings at first.
        use_masking, use_weighted_masking, bce_pos_weight: see `Tacotron2Loss`.
        loss_type: "L1", "L2" or "L1+L2", errors of the features.
        use_guided_attn_loss, num_heads_applied_guided_attn, num_layers_applied_guided_attn,
            modules_applied_guided_attn, guided_attn_loss_sigma, guided_attn_loss_lambda: see `GuidedAttention`.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    guided = GuidedAttention(0, 0, ())  # nothing

    @typechecked
    def __init__(
        self,
        idim: int,
        odim: int,
        embed_dim: int = 512,
        eprenet_conv_layers: int = 3,
        eprenet_conv_chans: int = 256,
        eprenet_conv_filts: int = 5,
        dprenet_layers: int = 2,
        dprenet_units: int = 256,
        elayers: int = 6,
        eunits: int = 1024,
        adim: int = 512,
        aheads: int = 4,
        dlayers: int = 6,
        dunits: int = 1024,
        postnet_layers: int = 5,
        postnet_chans: int = 256,
        postnet_filts: int = 5,
        positionwise_layer_type: str = "conv1d",
        positionwise_conv_kernel_size: int = 1,
        use_scaled_pos_enc: bool = True,
        use_batch_norm: bool = True,
        encoder_normalize_before: bool = True,
        decoder_normalize_before: bool = True,
        encoder_concat_after: bool = False,
        decoder_concat_after: bool = False,
        reduction_factor: int = 1,
        spks: int | None = None,
        langs: int | None = None,
        spk_embed_dim: int | None = None,
        spk_embed_integration_type: str = "add",
        use_gst: bool = False,
        gst_tokens: int = 10,
        gst_heads: int = 4,
        gst_conv_layers: int = 6,
        gst_conv_chans_list: Sequence[int] = (32, 32, 64, 64, 128, 128),
        gst_conv_kernel_size: int = 3,
        gst_conv_stride: int = 2,
        gst_gru_layers: int = 1,
        gst_gru_units: int = 128,
        transformer_enc_dropout_rate: float = 0.1,
        transformer_enc_positional_dropout_rate: float = 0.1,
        transformer_enc_attn_dropout_rate: float = 0.1,
        transformer_dec_dropout_rate: float = 0.1,
        transformer_dec_positional_dropout_rate: float = 0.1,
        transformer_dec_attn_dropout_rate: float = 0.1,
        transformer_enc_dec_attn_dropout_rate: float = 0.1,
        eprenet_dropout_rate: float = 0.5,
        dprenet_dropout_rate: float = 0.5,
        postnet_dropout_rate: float = 0.5,
        init_type: str = "xavier_uniform",
        init_enc_alpha: float = 1.0,
        init_dec_alpha: float = 1.0,
        use_masking: bool = False,
        use_weighted_masking: bool = False,
        bce_pos_weight: float = 5.0,
        loss_type: str = "L1",
        use_guided_attn_loss: bool = True,
        num_heads_applied_guided_attn: int = 2,
        num_layers_applied_guided_attn: int = 2,
        modules_applied_guided_attn: Sequence[str] = "encoder-decoder",
        guided_attn_loss_sigma: float = 0.4,
        guided_attn_loss_lambda: float = 1.0,
    ):
        super().__init__()
        self._build(options_of(locals()))

    def _build(self, options: Namespace) -> None:
        """Make all layers and losses."""
        sizes = {name: getattr(options, name) for name in ("idim", "odim", "adim", "reduction_factor")}
        require_positive(**sizes)
        self.idim, self.odim, self.adim, self.reduction_factor = sizes.values()
        self.eos = self.idim - 1
        self.loss_names = choose("loss_type", options.loss_type, LOSSES)
        self.encoder = text_encoder(options)
        if options.use_gst:
            self.add_style(style_encoder(options, self.adim))
        integration = options.spk_embed_integration_type
        self.add_conditions(self.adim, options.spks, options.langs, options.spk_embed_dim, integration)
        self.decoder = frame_decoder(options)
        self.feat_out = nn.Linear(self.adim, self.odim * self.reduction_factor)
        self.prob_out = nn.Linear(self.adim, self.reduction_factor)
        self.postnet = postnet(options, self.odim)
        self.criterion = Tacotron2Loss(options.use_masking, options.use_weighted_masking, options.bce_pos_weight)
        sigma, factor = options.guided_attn_loss_sigma, options.guided_attn_loss_lambda
        self.attn_criterion = GuidedMultiHeadAttentionLoss(sigma, factor)
        if options.use_guided_attn_loss:
            layers = options.num_layers_applied_guided_attn
            self.guided = GuidedAttention(
                options.num_heads_applied_guided_attn,
                options.elayers if layers < 0 else layers,  # of the decoder too
                options.modules_applied_guided_attn,
            )
        if options.init_type != "pytorch":
            initialize(self, options.init_type)
        for name, alpha in self.alphas().items():
            nn.init.constant_(alpha, options.init_enc_alpha if name == "encoder_alpha" else options.init_dec_alpha)

    def alphas(self) -> dict[str, Tensor]:
        """The trained factors of positional encodings, by name."""
        positions = {"encoder_alpha": self.encoder.embed.positions, "decoder_alpha": self.decoder.embed.positions}
        return {
            name: module.alpha for name, module in positions.items() if isinstance(module, ScaledPositionalEncoding)
        }

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
        layers = {
            "encoder": [cast(EncoderLayer, layer).self_attn for layer in self.encoder.encoders],
            "decoder": self.decoder.attentions("self_attn"),
            "encoder-decoder": self.decoder.attentions("src_attn"),
        }
        with self.guided.watch(layers) as weights:
            hidden, ilens = self.hidden(text, text_lengths, *conditions)
            after, before, logits = self.taught(hidden, ilens, feats, olens)
        labels = make_pad_mask(olens - 1, feats.shape[1]).to(feats.dtype)
        names = ("l1_loss", "l2_loss", "bce_loss")
        losses = dict(zip(names, self.criterion(after, before, logits, feats, labels, olens), strict=True))
        guided = self.guided.losses(self.attn_criterion, weights, ilens, olens // self.reduction_factor)
        loss = torch.stack([*(losses[name] for name in self.loss_names), *guided.values()]).sum()
        stats = {name: value.item() for name, value in (*losses.items(), *guided.items(), *self.alphas().items())}
        if joint_training:
            return loss, stats, after
        return force_gatherable((loss, {**stats, "loss": loss.item()}, len(text)), loss.device)

    def taught(self, hidden: Tensor, ilens: Tensor, feats: Tensor, olens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Predict each step of features (B, T, F), of whole steps, of the given ones before it.

        Returns:
            Features behind the postnet and before it (B, T, F), and scores of the end (B, T).
        """
        given = feats[:, self.reduction_factor - 1 :: self.reduction_factor]
        shifted = pad(given, (0, 0, 1, 0))[:, :-1]
        decoded = self.decoder(shifted, olens // self.reduction_factor, hidden, ilens)
        before = self.feat_out(decoded).unflatten(-1, (self.reduction_factor, self.odim)).flatten(1, 2)
        return self.refine(before, olens), before, self.prob_out(decoded).flatten(1)

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
        use_teacher_forcing: bool = False,
    ) -> dict[str, Tensor]:
        """Features of one text.

        Args:
            text: (U,) int64 tokens, without the end symbol.
            feats: (T, F), for `use_teacher_forcing`, and of a reference for `use_gst`.
            spembs, sids, lids: (E,), (1,), (1,), as `conditions` says.
            threshold: probability of the end at which speech ends.
            minlenratio, maxlenratio: fewest and most frames for each token, in whole steps.
            use_teacher_forcing: predict each frame of the given ones before it.

        Returns:
            `feat_gen` (T, F), `prob` (T,) that speech ends (without teacher forcing), and weights of attention to the
            text, `att_w` (layers, heads, T / r, U + 1).

        Raises:
            ValueError: a value that is needed is missing.
        """
        conditions = self.given_one({"spembs": spembs, "sids": sids, "lids": lids}, feats)
        hidden, lengths = self.hidden(text[None], full_lengths(text[None]), *conditions)
        if use_teacher_forcing:
            return self._repeat(hidden, lengths, feats)
        least, most = (int(hidden.shape[1] * ratio / self.reduction_factor) for ratio in (minlenratio, maxlenratio))
        keys, values = self.decoder.start(hidden)
        zeros = [key.new_zeros(0, *key.shape[:2], key.shape[3]) for key in keys]
        states, over = [hidden.new_zeros(1, self.odim), *zeros, *zeros], False
        frames: list[Tensor] = []
        stops: list[Tensor] = []
        weights: list[Tensor] = []
        while not over:
            place = torch.tensor([len(frames)], device=hidden.device)
            noise = [prenet.draw(states[0]) for prenet in self.decoder.dropping]
            results = self.step(*keys, *values, lengths, place, *noise, *states)
            states = [results[3], *(torch.cat(pair) for pair in zip(states[1:], results[4:], strict=True))]
            for kept, one in zip((frames, stops, weights), results[:3], strict=True):
                kept.append(one[0])
            over = len(frames) >= least and (len(frames) >= most or bool((stops[-1] >= threshold).any()))
        feats = torch.cat(frames)[None]
        generated = self.refine(feats, full_lengths(feats))[0]
        return {"feat_gen": generated, "prob": torch.cat(stops), "att_w": torch.stack(weights, dim=2)}

    def _repeat(self, hidden: Tensor, lengths: Tensor, feats: Tensor | None) -> dict[str, Tensor]:
        """Results of teacher forcing."""
        if feats is None:
            raise ValueError("feats: expected features, which use_teacher_forcing needs, found none")
        feats = feats[None, : len(feats) - len(feats) % self.reduction_factor]
        with attention_weights(self.decoder.attentions("src_attn")) as weights:
            after, _, _ = self.taught(hidden, lengths, feats, full_lengths(feats))
        return {"feat_gen": after[0], "att_w": torch.cat(weights)}

    def hidden(self, text: Tensor, text_lengths: Tensor, *conditions: Tensor) -> tuple[Tensor, Tensor]:
        """Encode texts (B, U), with their end symbols, under conditions: (B, U + 1, D), and their tokens (B,)."""
        text, lengths = with_end(text, text_lengths, self.eos)
        hidden, _ = self.encoder(text, make_non_pad_mask(lengths, text.shape[1]).unsqueeze(1))
        return self.conditioned(hidden, conditions), lengths

    def encode_text(self, text: Tensor, text_lengths: Tensor, *conditions: Tensor) -> tuple[Tensor, ...]:
        """Encode texts and project them for the decoder.

        Args:
            text: (B, U) int64 tokens, without the end symbol.
            text_lengths: (B,) int64.
            conditions: those that `conditions` names: (B, 1) int64 numbers, (B, E) embeddings.

        Returns:
            Keys of each layer, then values of each, (B, H, U + 1, D/H), of the tokens and the end symbol; and their
            number (B,).
        """
        hidden, lengths = self.hidden(text, text_lengths, *conditions)
        keys, values = self.decoder.start(hidden)
        return *keys, *values, lengths

    def step(self, *feeds: Tensor) -> tuple[Tensor, ...]:
        """Predict the next frames.

        Args:
            feeds: the results of `encode_text`; the steps before (B,) int64; noise of the prenet (B, layers, units),
                where it drops anything; and the states: the frame before (B, F), and of the steps before keys of each
                layer, then values of each, (steps, B, H, D/H).

        Returns:
            Frames (B, r, F), probabilities of the end (B, r), attention weights (B, layers, H, U); and what the states
            get: the last frame, and keys of each layer, then values of each, (1, B, H, D/H).
        """
        layers = len(self.decoder.layers)
        keys, values, (lengths, positions, *rest) = feeds[:layers], feeds[layers : 2 * layers], feeds[2 * layers :]
        noise = rest.pop(0) if self.decoder.dropping else None
        frame, *caches = rest
        decoded, new, weights = self.decoder.step(frame, noise, positions, (keys, values), lengths, caches)
        frames = self.feat_out(decoded).unflatten(-1, (self.reduction_factor, self.odim))
        stop = torch.sigmoid(self.prob_out(decoded))
        return frames, stop, torch.stack(weights, dim=1).squeeze(3), frames[:, -1], *new

    def refine(self, feats: Tensor, feats_lengths: Tensor) -> Tensor:
        """Features (B, T, F) of so many frames (B,) behind the postnet."""
        if self.postnet is None:
            return feats
        padding = make_pad_mask(feats_lengths, feats.shape[1]).unsqueeze(1)
        return feats + self.postnet(feats.transpose(1, 2), padding).transpose(1, 2)

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
                outputs=memory_of(self.decoder, "out_tokens"),
                lengths=(spec.OutputLength("out_tokens", "tokens", EOS_LENGTH),),
                attributes={"attention_heads": most_heads(self.encoder)},
            ),
            step_component(self.decoder, self.odim, self.reduction_factor),
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
