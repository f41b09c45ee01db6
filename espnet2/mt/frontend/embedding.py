"""Front ends of texts and of discrete units: embeddings of tokens."""

from __future__ import annotations

import dataclasses

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding, Positions
from espnet.nets.pytorch_backend.transformer.subsampling import subsample, token_input
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.interface.spec import Component, Length


class TokenFrontend(AbsFrontend):
    """Base of front ends that read token ids (B, U); `vocab_size` is their number."""

    reads = ("tokens",)
    vocab_size: int
    embed_dim: int

    def output_size(self) -> int:
        """D, size of an embedding."""
        return self.embed_dim

    def components(self) -> tuple[Component, ...]:
        """Declare the graph "frontend": token ids (batch, tokens) to embeddings."""
        (component,) = super().components()
        tokens, lengths = component.inputs
        read = dataclasses.replace(tokens, dtype="int64", below=self.vocab_size)
        return (dataclasses.replace(component, inputs=(read, lengths)),)


class Embedding(TokenFrontend):
    """Embedding of each token, with its position.

    Args:
        input_size: tokens.
        embed_dim: D.
        pos_enc_class: positional encoding, made from D and a dropout rate.
        positional_dropout_rate: dropout behind it.
    """

    length = Length()

    @typechecked
    def __init__(
        self,
        input_size: int = 400,
        embed_dim: int = 400,
        pos_enc_class: type[Positions] = PositionalEncoding,
        positional_dropout_rate: float = 0.1,
    ):
        super().__init__()
        require_rates(positional_dropout_rate=positional_dropout_rate)
        self.vocab_size, self.embed_dim = input_size, embed_dim
        positions = pos_enc_class(embed_dim, positional_dropout_rate)
        self.embed = token_input(input_size, embed_dim, positional_dropout_rate, positions, padding_idx=None)

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Token ids (B, U) int64 and lengths (B,) to embeddings (B, U, D) and lengths (B,)."""
        return self.embed(input, input_lengths)[0], input_lengths


class PatchEmbedding(TokenFrontend):
    """Embeddings of several tokens, such as the codes of a frame, whose mean is one frame, with its position.

    Args:
        input_size: tokens.
        embed_dim: D.
        token_per_frame: tokens of a frame.
        pos_enc_class: positional encoding, made from D and a dropout rate.
        positional_dropout_rate: dropout behind it.

    Raises:
        ValueError: no tokens in a frame.
    """

    @typechecked
    def __init__(
        self,
        input_size: int = 400,
        embed_dim: int = 400,
        token_per_frame: int = 1,
        pos_enc_class: type[Positions] = PositionalEncoding,
        positional_dropout_rate: float = 0.1,
    ):
        super().__init__()
        require_positive(token_per_frame=token_per_frame)
        require_rates(positional_dropout_rate=positional_dropout_rate)
        self.vocab_size, self.embed_dim = input_size, embed_dim
        self.token_per_frame = token_per_frame
        self.length = Length(((0, token_per_frame, 0),))
        self.emb = nn.Embedding(input_size, embed_dim)
        self.pos = pos_enc_class(embed_dim, positional_dropout_rate)
        self.ln = nn.LayerNorm(embed_dim)

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Token ids (B, U) int64 and lengths (B,), multiples of the tokens of a frame → (B, U / P, D), lengths (B,)."""
        whole = input.shape[1] // self.token_per_frame * self.token_per_frame
        frames = self.emb(input[:, :whole]).unflatten(1, (-1, self.token_per_frame)).mean(dim=2)
        return self.ln(self.pos(frames)), subsample(input_lengths, self.length)
