"""Greedy CTC search as `espnet.nets.ctc_greedy` has it, on a batch: the best token of every frame, equal ones merged.

A. Graves et al., "Connectionist temporal classification", 2006.

Shapes: B utterances, T frames, V tokens.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class FramedText(NamedTuple):
    """Texts (B, T) int64 of `length` (B,) tokens, the frames [start, end) of each token (B, T), and scores (B,)
    float64."""

    text: Tensor
    length: Tensor
    start: Tensor
    end: Tensor
    score: Tensor


def greedy_search(log_probs: Tensor, lengths: Tensor, blank: int) -> FramedText:
    """Texts of CTC output log_probs (B, T, V) of lengths (B,); a score is the alignment's log-probability."""
    frame = torch.arange(log_probs.shape[1], device=log_probs.device)
    inside = frame < lengths.unsqueeze(1)
    peak, best = log_probs.max(dim=-1)
    best = torch.where(inside, best, blank)
    before = torch.cat((torch.full_like(best[:, :1], -1), best[:, :-1]), dim=1)
    start = _first(frame.expand_as(best), (best != before) & inside, lengths)
    end = torch.cat((start[:, 1:], lengths.unsqueeze(1)), dim=1)
    runs = best.gather(1, start.clamp(max=best.shape[1] - 1))
    is_token = (runs != blank) & (start < lengths.unsqueeze(1))
    place = _first(frame.expand_as(best), is_token, torch.full_like(lengths, best.shape[1]))
    text, start, end = (x.gather(1, place.clamp(max=best.shape[1] - 1)) for x in (runs, start, end))
    score = torch.where(inside, peak, 0.0).double().sum(dim=1)
    return FramedText(text, is_token.sum(dim=1), start, end, score)


def _first(values: Tensor, is_wanted: Tensor, others: Tensor) -> Tensor:
    """The wanted of values (B, T), which are in order, and `others` (B,), which are not below them, behind."""
    return torch.where(is_wanted, values, others.unsqueeze(1)).sort(dim=1).values
