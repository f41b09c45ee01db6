"""Transformer decoders with lightweight or dynamic convolutions (Wu et al. 2019) in place of self-attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.cache import MANY_TOKENS, continued, entries_of, hypotheses, stacked
from espnet.nets.pytorch_backend.transformer.causal_convolution import CausalConvolution
from espnet.nets.pytorch_backend.transformer.decoder_layer import DecoderLayer
from espnet.nets.pytorch_backend.transformer.dynamic_conv import DynamicConvolution
from espnet.nets.pytorch_backend.transformer.dynamic_conv2d import DynamicConvolution2D
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding, Positions
from espnet.nets.pytorch_backend.transformer.lightconv import LightweightConvolution
from espnet.nets.pytorch_backend.transformer.lightconv2d import LightweightConvolution2D
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import PositionwiseFeedForward
from espnet.nets.pytorch_backend.transformer.repeat import repeat
from espnet2.asr.decoder.base_transformer_decoder import BaseTransformerDecoder
from espnet2.interface import spec


class ConvolutionTransformerDecoder(BaseTransformerDecoder):
    """Decoder of causal convolution, source attention and feed-forward layers.

    For every hypothesis, a step keeps the number of its tokens and the convolutions' input at the last ones. So its
    scores are those of the whole hypothesis, as in training. Upstream's search passes the last token only to the
    convolutions, and scores differently from the second token on.

    Args:
        vocab_size: V.
        encoder_output_size: D, of the encoder's output and of the decoder.
        attention_heads: H, of the source attention.
        linear_units: size of the feed-forward networks.
        num_blocks: layers.
        dropout_rate: dropout of each residual branch.
        positional_dropout_rate: dropout after the positional encoding.
        self_attention_dropout_rate: dropout of convolution kernels.
        src_attention_dropout_rate: dropout of attention weights.
        input_layer: "embed" for token ids, "linear" for vectors.
        use_output_layer: return scores of tokens rather than hidden vectors.
        pos_enc_class: positional encoding, made from D and a dropout rate.
        normalize_before: layers normalise their inputs, rather than their outputs.
        concat_after: combine input and output of convolution and attention by a linear layer.
        conv_wshare: different kernels of a convolution, a divisor of D.
        conv_kernel_length: size of each layer's kernels, of which the first half is used.
        conv_usebias: whether convolutions add a bias.

    Raises:
        ValueError: an option has a value that is not allowed, or there are not as many kernel sizes as layers.
    """

    convolution: type[CausalConvolution]
    initial: ClassVar[Mapping[str, int]] = {"parent": 1}

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        encoder_output_size: int,
        attention_heads: int = 4,
        linear_units: int = 2048,
        num_blocks: int = 6,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.1,
        self_attention_dropout_rate: float = 0.0,
        src_attention_dropout_rate: float = 0.0,
        input_layer: str = "embed",
        use_output_layer: bool = True,
        pos_enc_class: type[Positions] = PositionalEncoding,
        normalize_before: bool = True,
        concat_after: bool = False,
        conv_wshare: int = 4,
        conv_kernel_length: Sequence[int] = (11, 11, 11, 11, 11, 11),
        conv_usebias: int = False,
    ):
        require_positive(num_blocks=num_blocks, linear_units=linear_units)
        super().__init__(
            vocab_size,
            encoder_output_size,
            dropout_rate,
            positional_dropout_rate,
            input_layer,
            use_output_layer,
            pos_enc_class,
            normalize_before,
        )
        if len(conv_kernel_length) != num_blocks:
            sizes = len(conv_kernel_length)
            raise ValueError(f"conv_kernel_length: expected {num_blocks} numbers, one for each layer, found {sizes}")
        size = encoder_output_size

        def build(index: int) -> DecoderLayer:
            kernel, bias = conv_kernel_length[index], bool(conv_usebias)
            return DecoderLayer(
                size,
                self.convolution(conv_wshare, size, self_attention_dropout_rate, kernel, True, bias),
                MultiHeadedAttention(attention_heads, size, src_attention_dropout_rate),
                PositionwiseFeedForward(size, linear_units, dropout_rate),
                dropout_rate,
                normalize_before,
                concat_after,
            )

        self.decoders = repeat(num_blocks, build)

    def context(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Context of the layers for known targets: there are no earlier tokens; convolutions are causal anyway."""
        return torch.zeros(1, 1, dtype=torch.int64, device=x.device)

    def step(self, tokens: Tensor, parents: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        """Score the next token of every hypothesis.

        Args:
            tokens: (B, beam) int64, the last token of each hypothesis.
            parents: (B, beam) int64, which hypothesis of the step before it continues.
            given: what `start` returned; lengths (B,) int64 of the encoder's output; `position` (1, B, parent) int64,
                tokens of each hypothesis before its last; `cache_frames` (layers, B, parent, P, D), the convolutions'
                input at these. All zeros before the first step.

        Returns:
            log-probabilities (B, beam, V), and the next `position` and `cache_frames`.
        """
        memory, (lengths, position, cache_frames), _ = self._sorted(given, 0)
        entries = entries_of(parents, cache_frames)
        (count,) = continued(position, entries[:1])
        count = count.unsqueeze(1)
        x = self.embed.at(tokens.flatten().unsqueeze(1), count)
        memory_bias = self._memory_bias(lengths, memory[0][0])
        x, (frames,) = self._advance(x, count, [continued(cache_frames, entries)], memory, memory_bias)
        log_probs = self._log_probs(x.squeeze(1)).unflatten(0, parents.shape)
        return log_probs, (count + 1).view(1, *parents.shape), stacked(frames, parents)

    def hypotheses(self) -> tuple[spec.Tensor, ...]:
        """The first inputs of `step`: hypotheses and their parents."""
        return hypotheses(self.vocab_size)

    def states(self) -> tuple[spec.State, ...]:
        """States of `step`: numbers of tokens, and the widest convolution's input at the last ones."""
        convolutions = [cast(CausalConvolution, layer.self_attn) for layer in self.layers]
        widest = max(1, *(convolution.before_middle for convolution in convolutions))
        frames = len(self.decoders), "batch", widest, self.size
        return (
            spec.State(
                spec.Tensor("position", (1, "batch", "parent"), "int64", below=MANY_TOKENS),
                spec.Tensor("next_position", (1, "batch", "beam"), "int64", below=MANY_TOKENS),
            ),
            spec.State(
                spec.Tensor("cache_frames", (*frames[:2], "parent", *frames[2:])),
                spec.Tensor("next_cache_frames", (*frames[:2], "beam", *frames[2:])),
            ),
        )

    def forward_one_step(
        self,
        tgt: Tensor,
        tgt_mask: Tensor,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        *,
        cache: Any = None,
        return_hs: bool = False,
    ) -> tuple[Any, Any]:
        """Score the token that follows tgt (B, U), computing all of them; `cache` is returned unchanged.

        Args:
            as `BaseTransformerDecoder.forward_one_step`.

        Returns:
            log-probabilities (B, V), as a pair with the hidden vectors (B, D) if these are requested; and `cache`.
        """
        x = self.embed.at(tgt, 0)
        for layer in self.layers:
            x = layer(x, self.context(x, tgt), memory, memory_mask)
        log_probs = self._log_probs(x[:, -1])
        return (log_probs, self._normed(x[:, -1])) if return_hs else log_probs, cache


class LightweightConvolutionTransformerDecoder(ConvolutionTransformerDecoder):
    """Decoder with lightweight convolutions."""

    convolution = LightweightConvolution


class LightweightConvolution2DTransformerDecoder(ConvolutionTransformerDecoder):
    """Decoder with lightweight convolutions over tokens and over features."""

    convolution = LightweightConvolution2D


class DynamicConvolutionTransformerDecoder(ConvolutionTransformerDecoder):
    """Decoder with dynamic convolutions."""

    convolution = DynamicConvolution


class DynamicConvolution2DTransformerDecoder(ConvolutionTransformerDecoder):
    """Decoder with dynamic convolutions over tokens and over features."""

    convolution = DynamicConvolution2D
