"""Transformer language model (Vaswani et al. 2017; Irie et al. 2019)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import by_rows, choose, require_positive, require_rates
from espnet.nets.pytorch_backend.step_scorer import BatchSteppedScorer
from espnet.nets.pytorch_backend.transformer.cache import pool_bias, pooled_hypotheses, rows_of_layers
from espnet.nets.pytorch_backend.transformer.embedding import NoPositionalEncoding, PositionalEncoding, Positions
from espnet.nets.pytorch_backend.transformer.encoder import Encoder
from espnet.nets.pytorch_backend.transformer.mask import target_mask
from espnet2.interface import spec
from espnet2.lm.abs_model import AbsLM

PADDING = 0  # the padding token, which is masked
POSITIONAL_ENCODINGS: dict[str | None, Callable[[int, float], Positions]] = {
    "sinusoidal": PositionalEncoding,
    None: NoPositionalEncoding,
}


class TransformerLM(BatchSteppedScorer, AbsLM):
    """Transformer language model: embedding, causal Transformer, output layer.

    Args:
        vocab_size: V.
        pos_enc: "sinusoidal", or None for no positions.
        embed_unit: size of the embedding.
        att_unit: D.
        head: H.
        unit: size of the feed-forward networks.
        layer: number of layers.
        dropout_rate: dropout of each residual branch.
        positional_dropout_rate: dropout after the positional encoding.
        attention_dropout_rate: dropout of attention weights.

    Raises:
        ValueError: `pos_enc` is not a known one.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        pos_enc: str | None = None,
        embed_unit: int = 128,
        att_unit: int = 256,
        head: int = 2,
        unit: int = 1024,
        layer: int = 4,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.1,
        attention_dropout_rate: float = 0.1,
    ):
        super().__init__()
        require_positive(embed_unit=embed_unit, att_unit=att_unit, head=head, unit=unit, layer=layer)
        require_rates(dropout_rate=dropout_rate, positional_dropout_rate=positional_dropout_rate)
        self.head, self.head_size = head, att_unit // head
        self.embed = nn.Embedding(vocab_size, embed_unit)
        self.encoder = Encoder(
            idim=embed_unit,
            attention_dim=att_unit,
            attention_heads=head,
            linear_units=unit,
            num_blocks=layer,
            dropout_rate=dropout_rate,
            positional_dropout_rate=positional_dropout_rate,
            attention_dropout_rate=attention_dropout_rate,
            input_layer="linear",
            pos_enc_class=choose("pos_enc", pos_enc, POSITIONAL_ENCODINGS),
        )
        self.decoder = nn.Linear(att_unit, vocab_size)

    def forward(self, input: Tensor, hidden: None = None) -> tuple[Tensor, None]:
        """Score known text: input (B, U) int64 → (B, U, V) scores before softmax, and None."""
        encoded, _ = self.encoder(self.embed(input), target_mask(input, PADDING))
        return self.decoder(encoded), None

    def step(
        self, tokens: Tensor, positions: Tensor, visible: Tensor, cache_tokens: Tensor, *caches: Tensor
    ) -> tuple[Tensor, ...]:
        """Score the next token of every hypothesis.

        Args:
            tokens: (B, beam) int64, the last token of each hypothesis.
            positions: (B, beam) int64, how many tokens there are before it.
            visible: (B, beam, rows) bool, True at the rows of these tokens in the caches.
            cache_tokens: (rows, B) int64, the tokens of the rows, to mask padding.
            caches: keys of each layer, then values of each, (rows, B, H, D/H), a row for each token of any hypothesis
                that was scored before. Before the first step there are no rows.

        Returns:
            log-probabilities (B, beam, V), and the new tokens' rows of the caches: (beam, B) int64, and (beam, B, H,
            D/H) each.
        """
        before, own = ((text != PADDING).unsqueeze(axis) for text, axis in ((cache_tokens.t(), 1), (tokens, 2)))
        # Each token is a text of its own to the input layer: they do not follow each other.
        x = self.encoder.embed.at(self.embed(tokens.reshape(-1, 1)), positions.reshape(-1, 1))
        bias, layers = pool_bias(visible & before, x.dtype, own), len(self.encoder.encoders)
        x, keys, values = self.encoder.step(x.view(*tokens.shape, -1), caches[:layers], caches[layers:], bias)
        return torch.log_softmax(by_rows(self.decoder, x), dim=-1), tokens.t(), *keys, *values

    def components(self) -> tuple[spec.Component, ...]:
        """`lm_step`: log-probabilities of the next token, with the tokens, keys and values of those before."""
        vocab_size = self.decoder.out_features
        tokens = spec.State(
            spec.Tensor("cache_tokens", ("rows", "batch"), "int64", below=vocab_size),
            spec.Tensor("next_cache_tokens", ("beam", "batch"), "int64", below=vocab_size),
            appended="rows",
        )
        step = spec.Component(
            name="lm_step",
            method="step",
            inputs=pooled_hypotheses(vocab_size),
            outputs=(spec.Tensor("log_probs", ("batch", "beam", vocab_size)),),
            states=(tokens, *rows_of_layers(len(self.encoder.encoders), self.head, self.head_size)),
            initial={"rows": 0},
        )
        return (step,)
