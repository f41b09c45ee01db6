"""Classifier in place of a decoder: one linear layer over the pooled frames of an utterance."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, make_pad_mask, require_rates
from espnet.nets.pytorch_backend.step_scorer import SteppedScorer
from espnet.nets.pytorch_backend.transformer.cache import hypotheses
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.interface import spec

BEFORE, BEHIND = 2, 1  # tokens that are no classes: blank and unknown at the beginning of the list, sos/eos at its end
NEVER = -1e10  # their log-probability; finite, so that sums stay finite

Pool = Callable[[Tensor, Tensor, Tensor], Tensor]


def pool_mean(x: Tensor, padding: Tensor, lengths: Tensor) -> Tensor:
    """Mean of an utterance's frames: x (B, T, D), padding (B, T, 1) bool, lengths (B,) → (B, D)."""
    return x.masked_fill(padding, 0.0).sum(dim=1) / lengths.unsqueeze(-1)


def pool_max(x: Tensor, padding: Tensor, lengths: Tensor) -> Tensor:
    """Largest value of each channel: x (B, T, D), padding (B, T, 1) bool → (B, D)."""
    return x.masked_fill(padding, torch.finfo(x.dtype).min).amax(dim=1)


def pool_first(x: Tensor, padding: Tensor, lengths: Tensor) -> Tensor:
    """The first frame, where some encoders put a token for the whole utterance: x (B, T, D) → (B, D)."""
    return x[:, 0]


POOLINGS: dict[str, Pool] = {"mean": pool_mean, "max": pool_max, "CLS": pool_first}


class LinearDecoder(SteppedScorer, AbsDecoder):
    """Linear classifier; classes are all tokens except the first two and the last one.

    In a search, every token of a hypothesis is scored alike; one that ends after its first token (`maxlenratio` -1)
    names the class.

    Args:
        vocab_size: V, more than 3.
        encoder_output_size: D.
        pooling: one of `POOLINGS`.
        dropout: dropout of the pooled vector.

    Raises:
        ValueError: an option has a value that is not allowed.
    """

    @typechecked
    def __init__(self, vocab_size: int, encoder_output_size: int, pooling: str = "mean", dropout: float = 0.0):
        super().__init__()
        require_rates(dropout=dropout)
        classes = vocab_size - BEFORE - BEHIND
        if classes < 1:
            raise ValueError(f"token_list: expected more than 3 tokens for linear_decoder, found {vocab_size}")
        self.pooling = choose("pooling", pooling, POOLINGS)
        self.vocab_size, self.size = vocab_size, encoder_output_size
        self.dropout = nn.Dropout(dropout)
        self.linear_out = nn.Linear(encoder_output_size, classes)

    def output_size(self) -> int:
        """Number of classes."""
        return self.linear_out.out_features

    def forward(  # type: ignore[override]  # one vector per utterance, as upstream's
        self,
        hs_pad: Tensor,
        hlens: Tensor,
        ys_in_pad: Tensor | None = None,
        ys_in_lens: Tensor | None = None,
    ) -> Tensor:
        """Score the classes.

        Args:
            hs_pad: (B, T, D) encoder output.
            hlens: (B,) int64, its lengths.
            ys_in_pad, ys_in_lens: not used.

        Returns:
            (B, V - 3) scores before softmax.
        """
        padding = make_pad_mask(hlens, hs_pad.shape[1]).unsqueeze(-1)
        return self.linear_out(self.dropout(self.pooling(hs_pad, padding, hlens)))

    def start(self, encoder_out: Tensor) -> Tensor:
        """Return the encoder's output (B, T, D) unchanged: pooling needs its lengths, which only the step gets."""
        return encoder_out.clone()

    def step(self, tokens: Tensor, parents: Tensor, memory: Tensor, memory_lengths: Tensor) -> Tensor:
        """Score tokens: tokens, parents (B, beam), memory (B, T, D), lengths (B,) → log-probabilities (B, beam, V)."""
        log_probs = torch.log_softmax(self(memory, memory_lengths), dim=-1)
        return pad(log_probs, (BEFORE, BEHIND), value=NEVER).unsqueeze(1).repeat(1, tokens.shape[1], 1)

    def components(self) -> tuple[spec.Component, ...]:
        """`decoder_start` and `decoder_step`; there are no states."""
        tokens, parents = hypotheses(self.vocab_size)
        memory = spec.Tensor("memory", ("batch", "frames", self.size))
        lengths = spec.Tensor("memory_lengths", ("batch",), "int64", length_of="frames")
        start = spec.Component(
            "decoder_start", "start", (spec.Tensor("encoder_out", ("batch", "frames", self.size)),), (memory,)
        )
        step = spec.Component(
            "decoder_step",
            "step",
            # Without states there is no axis of parents; indices are still below the beam size.
            (tokens, dataclasses.replace(parents, below="beam"), memory, lengths),
            (spec.Tensor("log_probs", ("batch", "beam", self.vocab_size)),),
        )
        return start, step

    def score(self, ys: Any, state: Any, x: Any) -> tuple[Tensor, Any]:
        """Log-probabilities (V,) for encoder output x (T, D); the tokens ys (U,), which may be None, are not read."""
        return super().score([0] if ys is None else ys, state, x)
