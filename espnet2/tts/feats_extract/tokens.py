"""Numbers of frames that become numbers of tokens, and sequences that are made as long as others."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import pad

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask, pad_list


def fitted(values: torch.Tensor, length: int) -> torch.Tensor:
    """Cut values (T,) to `length`, or continue them with zeros."""
    return pad(values, (0, length - len(values))) if length >= len(values) else values[:length]


def token_means(values: torch.Tensor, durations: torch.Tensor, positive: bool = False) -> torch.Tensor:
    """Means over the frames of each token, 0 of tokens without any.

    Args:
        values: (T,) of frames.
        durations: (U,) frames of each token.
        positive: count positive values only, as of pitch, which voiced frames have.

    Raises:
        ValueError: durations and frames are not equally many.
    """
    if int(durations.sum()) != len(values):
        raise ValueError(f"durations: expected a sum of {len(values)} frames, found {int(durations.sum())}")
    counted = values > 0 if positive else torch.ones_like(values, dtype=torch.bool)
    tokens = torch.repeat_interleave(torch.arange(len(durations), device=values.device), durations)
    shape = values.new_zeros(len(durations))
    sums = shape.index_add(0, tokens, values * counted)
    return sums / shape.index_add(0, tokens, counted.to(values.dtype)).clamp(min=1)


def of_frames_or_tokens(
    rows: Sequence[torch.Tensor],
    feats_lengths: torch.Tensor | None,
    durations: torch.Tensor | None,
    durations_lengths: torch.Tensor | None,
    reduction_factor: int = 1,
    positive: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad numbers (T_b,) of B utterances: (B, T, 1), or, with durations (B, U), means of tokens (B, U, 1)."""
    if feats_lengths is not None:
        rows = [fitted(row, int(length)) for row, length in zip(rows, feats_lengths, strict=True)]
    if durations is not None:
        if durations_lengths is None:
            raise ValueError("durations_lengths: expected the number of tokens of each utterance, found none")
        steps = (row[: int(length)] for row, length in zip(durations, durations_lengths, strict=True))
        rows = [token_means(row, step * reduction_factor, positive) for row, step in zip(rows, steps, strict=True)]
    lengths = torch.tensor([len(row) for row in rows], device=rows[0].device)
    padded = pad_list(rows, 0.0)
    return padded.masked_fill(make_pad_mask(lengths, padded.shape[1]), 0.0).unsqueeze(-1), lengths
