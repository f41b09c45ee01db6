"""Prediction network of RWKV blocks (Peng et al. 2023, "RWKV: reinventing RNNs for the transformer era")."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive, require_rates
from espnet2.asr_transducer.decoder.abs_decoder import AbsDecoder, label_embedding, step_blocks
from espnet2.asr_transducer.decoder.blocks.rwkv import RWKV
from espnet2.asr_transducer.decoder.modules.rwkv.attention import SelfAttention
from espnet2.asr_transducer.decoder.modules.rwkv.feed_forward import FeedForward
from espnet2.asr_transducer.normalization import get_normalization
from espnet2.interface import spec


class RWKVDecoder(AbsDecoder):
    """Normalised embedding, blocks, and a normalisation.

    Args:
        vocab_size: V, with the blank.
        block_size: D.
        context_size: limit of upstream's training kernel, without effect here.
        linear_size: of the feed-forward layers; None for 4 D.
        attention_size: of the attention; None for D.
        normalization_type, normalization_args: see `get_normalization`.
        num_blocks: blocks.
        rescale_every: number of blocks after which half precision is scaled down; without effect, as in upstream.
        embed_dropout_rate: dropout of the embedding.
        att_dropout_rate: dropout of each attention's output.
        ffn_dropout_rate: dropout of each feed-forward layer's output.
        embed_pad: label whose embedding is zero: the blank, with which every sequence starts.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        block_size: int = 512,
        context_size: int = 1024,
        linear_size: int | None = None,
        attention_size: int | None = None,
        normalization_type: str = "layer_norm",
        normalization_args: dict[str, Any] | None = None,
        num_blocks: int = 4,
        rescale_every: int = 0,
        embed_dropout_rate: float = 0.0,
        att_dropout_rate: float = 0.0,
        ffn_dropout_rate: float = 0.0,
        embed_pad: int = 0,
    ):
        super().__init__()
        hidden_size = 4 * block_size if linear_size is None else linear_size
        attention_size = block_size if attention_size is None else attention_size
        require_positive(vocab_size=vocab_size, block_size=block_size, context_size=context_size)
        require_positive(linear_size=hidden_size, attention_size=attention_size, num_blocks=num_blocks)
        require_rates(embed_dropout_rate=embed_dropout_rate, att_dropout_rate=att_dropout_rate)
        require_rates(ffn_dropout_rate=ffn_dropout_rate)
        norm, norm_options = get_normalization(normalization_type, **(normalization_args or {}))
        self.vocab_size, self.output_size, self.attention_size = vocab_size, block_size, attention_size
        self.embed = label_embedding(vocab_size, block_size, embed_pad)
        self.dropout_embed = nn.Dropout(embed_dropout_rate)
        self.rwkv_blocks = nn.ModuleList(
            RWKV(
                norm(block_size, **norm_options),
                norm(block_size, **norm_options),
                SelfAttention(block_size, attention_size, index, num_blocks),
                FeedForward(block_size, hidden_size, index, num_blocks),
                att_dropout_rate,
                ffn_dropout_rate,
            )
            for index in range(num_blocks)
        )
        self.embed_norm = norm(block_size, **norm_options)
        self.final_norm = norm(block_size, **norm_options)

    def forward(self, labels: Tensor) -> Tensor:
        """See the base class."""
        x = self._embedded(labels)
        for block in self.rwkv_blocks:
            x = block(x)
        return self.final_norm(x)

    def step(self, tokens: Tensor, parents: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """See the base class."""
        x, after = step_blocks(self.rwkv_blocks, self._embedded(tokens.flatten()), parents, states)
        return self.final_norm(x).unflatten(0, parents.shape), *after

    def _embedded(self, labels: Tensor) -> Tensor:
        return self.dropout_embed(self.embed_norm(self.embed(labels)))

    def states(self) -> tuple[spec.Tensor, ...]:
        """States of each block: last inputs, and those of its attention."""
        sizes = {"att_before": self.output_size, "ffn_before": self.output_size}
        sizes |= dict.fromkeys(("total", "weight", "largest"), self.attention_size)
        layers = len(self.rwkv_blocks)
        return tuple(spec.Tensor(name, (layers, "batch", "parent", size)) for name, size in sizes.items())
