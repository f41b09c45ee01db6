"""Weights and limits of a search in a graph, from its options as inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

DECIMALS = 1e6  # as many of an option count, so that 0.3 in float32 is the 0.3 of float64


class Limits(NamedTuple):
    """Weights and limits of a search.

    Attributes:
        ctc_weight, lm_weight, penalty: (O, 1, 1) float64; O is B where each utterance has its own, else 1.
        is_normalized: (O, 1) bool, whether hypotheses are ranked by score per token.
        frames: (B,) int64, of encoder outputs.
        longest: (B,) int64, tokens of the longest text.
        shortest: (B,) float64, tokens per frame of the shortest text, or a negative number of tokens.
        detects_end: (O,) bool, whether the search stops where no better hypothesis is possible.
    """

    ctc_weight: Tensor
    lm_weight: Tensor
    penalty: Tensor
    is_normalized: Tensor
    frames: Tensor
    longest: Tensor
    shortest: Tensor
    detects_end: Tensor

    @classmethod
    def of(cls, options: Mapping[str, Tensor], lengths: Tensor) -> Limits:
        """Those of encoder outputs of lengths (B,), by options (1,) or (B,), which are those of `BeamSearch.finish`.

        An option that is missing has no effect.
        """
        zero = torch.zeros(1, dtype=torch.float64, device=lengths.device)
        names = ("ctc_weight", "lm_weight", "penalty", "maxlenratio", "minlenratio")
        given = [_exact(options[name]) if name in options else zero.clone() for name in names]
        most, least, frames = given[3], given[4], lengths.double()
        longest = torch.where(most == 0, frames, tokens_of(most, frames).clamp(min=1))
        excess = least - longest / frames.clamp(min=1)
        least = torch.where(excess > 0.1, least - (excess - torch.fmod(excess, 0.1)), least)
        is_normalized = (options.get("normalize_length", zero) != 0).view(-1, 1)
        ctc_weight, lm_weight, penalty = (option.view(-1, 1, 1) for option in given[:3])
        lengths, longest = lengths.clone(), longest.long()
        return cls(ctc_weight, lm_weight, penalty, is_normalized, lengths, longest, least, most == 0)


def _exact(option: Tensor) -> Tensor:
    return torch.round(option.double() * DECIMALS) / DECIMALS


def tokens_of(ratio: Tensor, frames: Tensor) -> Tensor:
    """Number of tokens for a ratio to the frames, or for a negative number of tokens."""
    return torch.where(ratio < 0, -ratio, ratio * frames).trunc()
