"""Input layers and decoder of Transformer TTS (Li et al. 2019)."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import make_non_pad_mask
from espnet.nets.pytorch_backend.tacotron2.encoder import Encoder as EncoderPrenet
from espnet.nets.pytorch_backend.tacotron2.layers import Prenet
from espnet.nets.pytorch_backend.transformer.attention import (
    AttentionHeads,
    MultiHeadedAttention,
    attention_weights,
)
from espnet.nets.pytorch_backend.transformer.decoder_layer import DecoderLayer
from espnet.nets.pytorch_backend.transformer.embedding import (
    PositionalEncoding,
    Positions,
    ScaledPositionalEncoding,
)
from espnet.nets.pytorch_backend.transformer.encoder import Encoder
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.mask import attention_bias, subsequent_mask
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import PositionwiseFeedForward
from espnet.nets.pytorch_backend.transformer.repeat import MultiSequential, repeat
from espnet.nets.pytorch_backend.transformer.subsampling import Embedded, FrameInput, linear_input
from espnet2.tts.regulated_parts import PADDING

Memory = tuple[Sequence[Tensor], Sequence[Tensor]]  # keys, and values, of each layer (B, H, U, D/H)


class TextInput(FrameInput):
    """Convolutions over embedded tokens, a linear layer, and positions.

    Args:
        prenet: of so many channels.
        channels: of the prenet.
        size: D.
        positions: positional encoding.
    """

    def __init__(self, prenet: EncoderPrenet, channels: int, size: int, positions: Positions):
        super().__init__([nn.Sequential(prenet, nn.Linear(channels, size)), positions])

    def forward(self, x: Tensor, lengths: Tensor) -> Embedded:
        """x (B, U) int64, lengths (B,) → (B, U, D), encodings or None, lengths."""
        prenet, linear = cast(nn.Sequential, self[0])
        hidden, _ = prenet(x, lengths)
        return *self.positions.with_positions(linear(hidden), lengths), lengths


class FrameDecoder(nn.Module):
    """Transformer decoder over frames.

    Args:
        size: D.
        embed: input layer of frames (B, T, F), whose first layer has a `Prenet`, or none.
        decoders: layers.
        normalize_before: whether layers normalise their input, so that the last layer's output is normalised too.
    """

    def __init__(self, size: int, embed: FrameInput, decoders: MultiSequential, normalize_before: bool):
        super().__init__()
        self.embed = embed
        self.decoders = decoders
        self.after_norm = LayerNorm(size) if normalize_before else nn.Identity()

    @property
    def layers(self) -> list[DecoderLayer]:
        """The layers, first to last."""
        return [cast(DecoderLayer, layer) for layer in self.decoders]

    @property
    def prenet(self) -> Prenet | None:
        """The prenet of frames, where there is one."""
        first = self.embed[0]
        return cast(Prenet, first[0]) if isinstance(first, nn.Sequential) else None

    @property
    def dropping(self) -> list[Prenet]:
        """The prenet, where it drops anything."""
        return [] if self.prenet is None or not self.prenet.dropout_rate else [self.prenet]

    def attentions(self, name: str) -> list[AttentionHeads]:
        """The attention called `self_attn` or `src_attn` of each layer."""
        return [cast(AttentionHeads, getattr(layer, name)) for layer in self.layers]

    def forward(self, frames: Tensor, frame_lengths: Tensor, memory: Tensor, memory_lengths: Tensor) -> Tensor:
        """Process known frames.

        Args:
            frames: (B, T, F), each of the step before.
            frame_lengths: (B,) int64.
            memory, memory_lengths: the encoder's output (B, U, D), and tokens (B,).

        Returns:
            (B, T, D).
        """
        x = self.embed.at(frames, 0)
        seen = make_non_pad_mask(frame_lengths, x.shape[1]).unsqueeze(1) & subsequent_mask(x.shape[1], x.device)
        bias, memory_bias = attention_bias(seen, x.dtype), self.memory_bias(memory_lengths, memory.shape[1], x)
        for _, layer in self.decoders.active():
            x = layer(x, bias, memory, memory_bias)
        return self.after_norm(x)

    def memory_bias(self, lengths: Tensor, tokens: int, like: Tensor) -> Tensor:
        """Bias (B, 1, 1, U) that hides the padding of texts of so many tokens (B,)."""
        return attention_bias(make_non_pad_mask(lengths, tokens).unsqueeze(1), like.dtype)

    def start(self, memory: Tensor) -> Memory:
        """Keys and values of the encoder's output (B, U, D) for all layers, once per text."""
        pairs = [layer.src_attn.project_memory(memory, memory) for layer in self.layers]
        return [key for key, _ in pairs], [value for _, value in pairs]

    def step(
        self,
        frame: Tensor,
        noise: Tensor | None,
        positions: Tensor,
        memory: Memory,
        memory_lengths: Tensor,
        caches: Sequence[Tensor],
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Process the newest frame of each text.

        What the prenet drops of a frame stays dropped, as in training; upstream draws that anew for the keys and values
        of the first layer at every step.

        Args:
            frame: (B, F), of the step before.
            noise: (B, layers, units) of the prenet; None: it draws its own, or drops nothing.
            positions: (B,) int64, the steps before.
            memory: what `start` returned.
            memory_lengths: (B,) int64 tokens.
            caches: keys of each layer, then values of each, (steps, B, H, D/H).

        Returns:
            (B, D); what caches get, keys of each layer, then values of each, (1, B, H, D/H); and the weights of the
            layers' attention to the text, (B, H, 1, U) each.
        """
        x = self._read(frame, noise, positions)
        keys, values = caches[: len(self.layers)], caches[len(self.layers) :]
        bias = self.memory_bias(memory_lengths, memory[0][0].shape[2], x)
        known = []
        with attention_weights(self.attentions("src_attn")) as weights:
            for layer, key, value, *cache in zip(self.layers, *memory, keys, values, strict=True):
                x, new = layer.step(x, cache, None, key, value, bias)
                known.append(new)
        new_keys, new_values = zip(*known, strict=True)
        return self.after_norm(x).squeeze(1), [*new_keys, *new_values], weights

    def _read(self, frame: Tensor, noise: Tensor | None, positions: Tensor) -> Tensor:
        """Embed frames (B, F), which are at positions (B,): (B, 1, D)."""
        if noise is None or self.prenet is None:
            return self.embed.at(frame.unsqueeze(1), positions.unsqueeze(1))
        linear = cast(nn.Sequential, self.embed[0])[1]
        hidden = linear(self.prenet.with_noise(frame, noise))
        return self.embed.positions(hidden.unsqueeze(1), positions.unsqueeze(1))


def text_encoder(options: Namespace) -> Encoder:
    """The encoder of tokens (B, U), from the options of `Transformer`."""

    def convolutions(positions: Positions) -> FrameInput:
        prenet = EncoderPrenet(
            options.idim,
            embed_dim=options.embed_dim,
            elayers=0,
            econv_layers=options.eprenet_conv_layers,
            econv_chans=options.eprenet_conv_chans,
            econv_filts=options.eprenet_conv_filts,
            use_batch_norm=options.use_batch_norm,
            dropout_rate=options.eprenet_dropout_rate,
            padding_idx=PADDING,
        )
        return TextInput(prenet, options.eprenet_conv_chans, options.adim, positions)

    return Encoder(
        options.idim,
        attention_dim=options.adim,
        attention_heads=options.aheads,
        linear_units=options.eunits,
        num_blocks=options.elayers,
        dropout_rate=options.transformer_enc_dropout_rate,
        positional_dropout_rate=options.transformer_enc_positional_dropout_rate,
        attention_dropout_rate=options.transformer_enc_attn_dropout_rate,
        input_layer=convolutions if options.eprenet_conv_layers else "embed",
        pos_enc_class=_positions(options),
        normalize_before=options.encoder_normalize_before,
        concat_after=options.encoder_concat_after,
        positionwise_layer_type=options.positionwise_layer_type,
        positionwise_conv_kernel_size=options.positionwise_conv_kernel_size,
        padding_idx=PADDING,
    )


def frame_decoder(options: Namespace) -> FrameDecoder:
    """The decoder of frames, from the options of `Transformer`."""
    size, rate = options.adim, options.transformer_dec_dropout_rate
    positions = _positions(options)(size, options.transformer_dec_positional_dropout_rate)
    embed = linear_input(options.odim, size, rate, positions, relu=True)
    if options.dprenet_layers:
        prenet = Prenet(options.odim, options.dprenet_layers, options.dprenet_units, options.dprenet_dropout_rate)
        embed = FrameInput([nn.Sequential(prenet, nn.Linear(options.dprenet_units, size)), positions])

    def build(_: int) -> DecoderLayer:
        return DecoderLayer(
            size,
            MultiHeadedAttention(options.aheads, size, options.transformer_dec_attn_dropout_rate),
            MultiHeadedAttention(options.aheads, size, options.transformer_enc_dec_attn_dropout_rate),
            PositionwiseFeedForward(size, options.dunits, rate),
            rate,
            options.decoder_normalize_before,
            options.decoder_concat_after,
        )

    return FrameDecoder(size, embed, repeat(options.dlayers, build), options.decoder_normalize_before)


def _positions(options: Namespace) -> type[PositionalEncoding] | type[ScaledPositionalEncoding]:
    """The positional encoding of tokens and of frames."""
    return ScaledPositionalEncoding if options.use_scaled_pos_enc else PositionalEncoding
