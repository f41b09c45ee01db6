"""Transformer language model (Vaswani et al. 2017; Irie et al. 2019)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive, require_rates
from espnet.nets.pytorch_backend.step_scorer import BatchSteppedScorer
from espnet.nets.pytorch_backend.transformer.cache import continued, entries_of, hypotheses, stacked
from espnet.nets.pytorch_backend.transformer.embedding import NoPositionalEncoding, PositionalEncoding, Positions
from espnet.nets.pytorch_backend.transformer.encoder import Encoder
from espnet.nets.pytorch_backend.transformer.mask import attention_bias, target_mask
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
        self, tokens: Tensor, parents: Tensor, cache_tokens: Tensor, cache_key: Tensor, cache_value: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Score the next token of every hypothesis.

        Args:
            tokens: (B, beam) int64, the last token of each hypothesis.
            parents: (B, beam) int64, which hypothesis of the step before it continues.
            cache_tokens: (1, B, parent, past) int64, the tokens before, to mask padding.
            cache_key, cache_value: (layers, B, parent, H, past, D/H) of the tokens before.
                Before the first step `past` is 0, and `parent` 1.

        Returns:
            log-probabilities (B, beam, V), and the next caches.
        """
        entries = entries_of(parents, cache_key)
        (before,) = continued(cache_tokens, entries[:1])
        text = torch.cat((before, tokens.view(-1, 1)), dim=-1)
        bias = attention_bias((text != PADDING).unsqueeze(1), cache_key.dtype)
        encoded, keys, values = self.encoder.step(
            self.embed(text[:, -1:]),
            cache_key.shape[4],
            continued(cache_key, entries),
            continued(cache_value, entries),
            bias,
        )
        log_probs = torch.log_softmax(self.decoder(encoded.squeeze(1)), dim=-1).unflatten(0, parents.shape)
        return log_probs, stacked([text], parents), stacked(keys, parents), stacked(values, parents)

    def components(self) -> tuple[spec.Component, ...]:
        """`lm_step`: log-probabilities of the next token, with the tokens, keys and values of those before."""
        layers = len(self.encoder.encoders)
        return (cached_step(self.decoder.out_features, layers, self.head, self.head_size),)


def cached_step(vocab_size: int, layers: int, heads: int, head_size: int) -> spec.Component:
    """Component `lm_step` of a causal Transformer, whose states are all tokens and every layer's keys and values."""
    kinds: tuple[tuple[str, int, tuple[spec.Axis, ...], tuple[spec.Axis, ...], dict[str, Any]], ...] = (
        ("cache_tokens", 1, (), (), {"dtype": "int64", "below": vocab_size}),
        ("cache_key", layers, (heads,), (head_size,), {}),
        ("cache_value", layers, (heads,), (head_size,), {}),
    )
    states = tuple(
        spec.State(
            spec.Tensor(name, (first, "batch", "parent", *middle, "past", *last), **kind),
            spec.Tensor(f"next_{name}", (first, "batch", "beam", *middle, "past+1", *last), **kind),
        )
        for name, first, middle, last, kind in kinds
    )
    return spec.Component(
        name="lm_step",
        method="step",
        inputs=hypotheses(vocab_size),
        outputs=(spec.Tensor("log_probs", ("batch", "beam", vocab_size)),),
        states=states,
        initial={"parent": 1, "past": 0},
    )
