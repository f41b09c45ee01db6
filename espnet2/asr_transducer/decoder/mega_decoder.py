"""Prediction network of MEGA blocks (Ma et al. 2022, "Mega: moving average equipped gated attention")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive, require_rates
from espnet2.asr_transducer.activation import get_activation
from espnet2.asr_transducer.decoder.abs_decoder import AbsDecoder, label_embedding, step_blocks
from espnet2.asr_transducer.decoder.blocks.mega import MEGA, ChunkMemory, GrowingMemory, MEGABlock
from espnet2.asr_transducer.decoder.modules.mega.feed_forward import NormalizedPositionwiseFeedForward
from espnet2.asr_transducer.decoder.modules.mega.multi_head_damped_ema import MultiHeadDampedEMA, TruncatedDampedEMA
from espnet2.asr_transducer.decoder.modules.mega.positional_bias import RelativePositionBias, RotaryRelativePositionBias
from espnet2.asr_transducer.normalization import get_normalization
from espnet2.interface import spec

# Each is made for a size of queries and a number of positions.
REL_POS_BIAS_TYPES = {
    "simple": lambda qk_size, positions: RelativePositionBias(positions),
    "rotary": lambda qk_size, positions: RotaryRelativePositionBias(qk_size),
}


class MEGADecoder(AbsDecoder):
    """Embedding, blocks of gated attention and of a feed-forward layer each, and a normalisation.

    Steps give the same results as `forward`. (Upstream's steps differ from its `forward`: they begin with an additional
    all-zero label, use truncated averages in full, and cut chunks elsewhere.)

    Args:
        vocab_size: V, with the blank.
        block_size: D.
        linear_size: of the feed-forward layers.
        qk_size: of queries and keys.
        v_size: of values.
        num_heads: averages of each feature.
        rel_pos_bias_type: one of `REL_POS_BIAS_TYPES`.
        max_positions: distances that the simple bias distinguishes, without chunks.
        truncation_length: number of labels in averages; None for all.
        normalization_type, normalization_args: see `get_normalization`.
        activation_type, activation_args: see `get_activation`.
        chunk_size: labels of a chunk, within which attention is restricted; below 1 for no chunks.
        num_blocks: number of blocks.
        dropout_rate: dropout of each block's attention layer.
        embed_dropout_rate: dropout of the embedding.
        att_dropout_rate: dropout of the attention's weights.
        ema_dropout_rate: dropout of the averages.
        ffn_dropout_rate: dropout in feed-forward layers.
        embed_pad: label whose embedding is zero: the blank, with which every sequence starts.
    """

    initial: ClassVar[Mapping[str, int]] = {"parent": 1, "past": 0}

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        block_size: int = 512,
        linear_size: int = 1024,
        qk_size: int = 128,
        v_size: int = 1024,
        num_heads: int = 4,
        rel_pos_bias_type: str = "simple",
        max_positions: int = 2048,
        truncation_length: int | None = None,
        normalization_type: str = "layer_norm",
        normalization_args: dict[str, Any] | None = None,
        activation_type: str = "swish",
        activation_args: dict[str, Any] | None = None,
        chunk_size: int = -1,
        num_blocks: int = 4,
        dropout_rate: float = 0.0,
        embed_dropout_rate: float = 0.0,
        att_dropout_rate: float = 0.0,
        ema_dropout_rate: float = 0.0,
        ffn_dropout_rate: float = 0.0,
        embed_pad: int = 0,
    ):
        super().__init__()
        require_positive(vocab_size=vocab_size, block_size=block_size, linear_size=linear_size, qk_size=qk_size)
        require_positive(v_size=v_size, num_heads=num_heads, max_positions=max_positions, num_blocks=num_blocks)
        require_positive(truncation_length=1 if truncation_length is None else truncation_length)
        require_rates(dropout_rate=dropout_rate, embed_dropout_rate=embed_dropout_rate)
        require_rates(att_dropout_rate=att_dropout_rate, ema_dropout_rate=ema_dropout_rate)
        require_rates(ffn_dropout_rate=ffn_dropout_rate)
        make_bias = choose("rel_pos_bias_type", rel_pos_bias_type, REL_POS_BIAS_TYPES)
        norm, norm_options = get_normalization(normalization_type, **(normalization_args or {}))
        activation = get_activation(activation_type, **(activation_args or {}))
        self.vocab_size, self.output_size = vocab_size, block_size
        self.embed = label_embedding(vocab_size, block_size, embed_pad)
        self.dropout_embed = nn.Dropout(embed_dropout_rate)

        def block() -> MEGABlock:
            average = (block_size, num_heads, activation)
            attention = MEGA(
                block_size,
                qk_size,
                v_size,
                TruncatedDampedEMA(*average, truncation_length) if truncation_length else MultiHeadDampedEMA(*average),
                make_bias(qk_size, chunk_size if chunk_size > 0 else max_positions),
                activation,
                norm(block_size, **norm_options),
                ChunkMemory(chunk_size) if chunk_size > 0 else GrowingMemory(),
                (dropout_rate, att_dropout_rate, ema_dropout_rate),
            )
            normed = norm(block_size, **norm_options)
            return MEGABlock(
                attention,
                NormalizedPositionwiseFeedForward(block_size, linear_size, normed, activation, ffn_dropout_rate),
            )

        self.mega_blocks = nn.ModuleList(block() for _ in range(num_blocks))
        self.final_norm = norm(block_size, **norm_options)

    def forward(self, labels: Tensor) -> Tensor:
        """See the base class."""
        x = self.dropout_embed(self.embed(labels))
        for block in self.mega_blocks:
            x = block(x)
        return self.final_norm(x)

    def step(self, tokens: Tensor, parents: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """See the base class."""
        x = self.dropout_embed(self.embed(tokens.flatten()))
        x, after = step_blocks(self.mega_blocks, x, parents, states)
        return self.final_norm(x).unflatten(0, parents.shape), *after

    def states(self) -> tuple[spec.Tensor, ...]:
        """States of each block's attention."""
        first: Any = self.mega_blocks[0]
        return tuple(
            spec.Tensor(name, (len(self.mega_blocks), "batch", "parent", *axes), dtype)
            for name, axes, dtype in first[0].states()
        )
