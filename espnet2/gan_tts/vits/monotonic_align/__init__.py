"""Monotonic alignment search (Kim et al. 2020, Glow-TTS, algorithm 1)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def maximum_path(neg_x_ent: Tensor, attn_mask: Tensor) -> Tensor:
    """The most likely path on which each frame stays at a token or goes on to the next.

    Args:
        neg_x_ent: (B, T, U) logarithms of likelihoods of frames given tokens.
        attn_mask: (B, T, U), 1 where both are there and 0 elsewhere.

    Returns:
        (B, T, U), 1 on the path and 0 elsewhere, of the dtype of `neg_x_ent`.
    """
    scores = (neg_x_ent * attn_mask).detach().cpu().numpy().astype(np.float32)
    frames = attn_mask.sum(dim=1)[:, 0].cpu().numpy().astype(np.int64)
    tokens = attn_mask.sum(dim=2)[:, 0].cpu().numpy().astype(np.int64)
    path = _paths(scores, frames, tokens)
    return torch.from_numpy(path).to(device=neg_x_ent.device, dtype=neg_x_ent.dtype)


def _paths(scores: np.ndarray, frames: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Paths (B, T, U) of a batch with so many frames (B,) and tokens (B,), frame by frame."""
    batch, longest, width = scores.shape
    utterances = np.arange(batch)
    never = np.full((batch, 1), -np.inf, np.float32)
    best = np.full((batch, width), -np.inf, np.float32)
    best[:, 0] = 0
    moves = np.zeros((batch, longest, width), bool)  # whether the frame's best path came from the token before
    for frame in range(longest):
        if frame:
            before = np.concatenate((never, best[:, :-1]), axis=1)
            moves[:, frame] = before > best
            best = np.maximum(best, before)
        best = best + scores[:, frame]
    path = np.zeros(scores.shape, np.float32)
    token = tokens - 1
    for frame in range(longest - 1, -1, -1):
        there = frame < frames
        path[utterances[there], frame, token[there]] = 1
        token = token - (there & moves[utterances, frame, token])
    return path
