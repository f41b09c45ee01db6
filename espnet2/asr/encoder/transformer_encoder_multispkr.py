"""Transformer encoder of several speakers (Chang et al. 2020, "End-to-end multi-speaker speech recognition with
Transformer"): speaker-dependent layers, followed by layers that all speakers share."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding, Positions
from espnet.nets.pytorch_backend.transformer.encoder import feed_forward_maker
from espnet.nets.pytorch_backend.transformer.encoder_layer import EncoderLayer
from espnet.nets.pytorch_backend.transformer.repeat import repeat
from espnet.nets.pytorch_backend.transformer.subsampling import (
    INPUT_LAYERS,
    Embedded,
    MakeInput,
    linear_input,
    token_input,
)
from espnet2.asr.encoder.stacked_encoder import StackedEncoder

CONVOLUTIONS = ("conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8")


class TransformerEncoder(StackedEncoder):
    """Transformer encoder with an output for each speaker.

    Args:
        input_size: F, size of the features.
        output_size: D.
        attention_heads: H.
        linear_units: size between the feed-forward layers.
        num_blocks: number of layers that all speakers share.
        num_blocks_sd: number of speaker-dependent layers before those.
        dropout_rate: dropout of the branches and of the input layer.
        positional_dropout_rate: dropout of the positional encoding.
        attention_dropout_rate: dropout of the attention weights.
        input_layer: "conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8", "linear", "embed", or None for features that
            have size D already.
        pos_enc_class: positional encoding.
        normalize_before: normalise before (True) or after (False) each branch.
        concat_after: combine attention's input and output by a linear layer.
        positionwise_layer_type: "linear", "conv1d" or "conv1d-linear".
        positionwise_conv_kernel_size: kernel of the latter two.
        padding_idx: token whose embedding is zero and not trained, for the input layer "embed".
        num_inf: S, number of speakers.
        use_sdpa: upstream's choice of a kernel; results do not depend on it.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        output_size: int = 256,
        attention_heads: int = 4,
        linear_units: int = 2048,
        num_blocks: int = 6,
        num_blocks_sd: int = 6,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.1,
        attention_dropout_rate: float = 0.0,
        input_layer: str | None = "conv2d",
        pos_enc_class: type[Positions] = PositionalEncoding,
        normalize_before: bool = True,
        concat_after: bool = False,
        positionwise_layer_type: str = "linear",
        positionwise_conv_kernel_size: int = 1,
        padding_idx: int = -1,
        num_inf: int = 1,
        use_sdpa: bool = False,
    ):
        require_positive(output_size=output_size, num_blocks=num_blocks, linear_units=linear_units, num_inf=num_inf)
        require_rates(dropout_rate=dropout_rate, positional_dropout_rate=positional_dropout_rate)
        if num_blocks_sd < 0:
            raise ValueError(f"num_blocks_sd: expected at least 0, found {num_blocks_sd}")
        inputs: dict[str | None, MakeInput] = {
            **{name: INPUT_LAYERS[name] for name in (*CONVOLUTIONS, None)},
            "linear": functools.partial(linear_input, relu=True),
            "embed": functools.partial(token_input, padding_idx=padding_idx),
        }
        pos_enc = pos_enc_class(output_size, positional_dropout_rate)
        feed_forward = feed_forward_maker(
            positionwise_layer_type, output_size, linear_units, positionwise_conv_kernel_size, dropout_rate
        )

        def layer(_: int) -> EncoderLayer:
            attention = MultiHeadedAttention(attention_heads, output_size, attention_dropout_rate)
            return EncoderLayer(output_size, attention, feed_forward(), dropout_rate, normalize_before, concat_after)

        super().__init__(
            input_size,
            output_size,
            choose("input_layer", input_layer, inputs)(input_size, output_size, dropout_rate, pos_enc),
            repeat(num_blocks, layer),
            normalize_before,
            interctc_layer_idx=(),
            interctc_use_conditioning=False,
        )
        self.encoders_sd = nn.ModuleList(repeat(num_blocks_sd, layer) for _ in range(num_inf))
        self.num_inf = num_inf
        self.speakers = (num_inf,)
        self.input_layer_reads_tokens = input_layer == "embed"

    def run_layers(self, embedded: Embedded, *_: Any, **__: Any) -> tuple[Tensor, Tensor, None]:
        """Run all layers after the input layer, for all speakers: → (B, S, T', D), lengths (B, S), None."""
        x, context = self.prepare(embedded)
        separate = torch.stack([layers(x, *context) for layers in self.encoders_sd], dim=1)
        lengths = embedded[2].unsqueeze(1).repeat(1, self.num_inf)
        rows, context = self.prepare((separate.flatten(0, 1), None, lengths.flatten()))
        shared = self.normalize(self.encoders(rows, *context))
        return shared.unflatten(0, (-1, self.num_inf)), lengths, None
