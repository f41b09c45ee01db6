"""Padded batches of frames (B, D, T): what lies behind the end of an utterance has no part in what it gives."""

from __future__ import annotations

from torch import Tensor

from espnet.nets.pytorch_backend.nets_utils import full_lengths, make_pad_mask


def frames_and_lengths(x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Turn features x (B, T, F) into channels (B, F, T); without `lengths` (B,), every utterance has T frames."""
    return x.transpose(1, 2), full_lengths(x) if lengths is None else lengths


def padding_of(x: Tensor, lengths: Tensor) -> Tensor:
    """Mark the padding of x (B, ..., T) of `lengths` (B,): bool (B, 1, ..., T) of as many dimensions."""
    mask = make_pad_mask(lengths, x.shape[-1])
    return mask.reshape(mask.shape[0], *[1] * (x.dim() - 2), mask.shape[1])


def silent(x: Tensor, padding: Tensor) -> Tensor:
    """Replace the padding of x (B, ..., T) by the zeros that a convolution reads behind the end of an utterance."""
    return x.masked_fill(padding, 0.0)


def mean_over(x: Tensor, padding: Tensor) -> Tensor:
    """Average x (B, ..., T) over its frames, without the padding: (B, ..., 1)."""
    return silent(x, padding).sum(dim=-1, keepdim=True) / (~padding).to(x.dtype).sum(dim=-1, keepdim=True)
