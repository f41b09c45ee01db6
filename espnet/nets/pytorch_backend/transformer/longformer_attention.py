"""Attention within a window (Beltagy et al. 2020, "Longformer", section 3), in time and memory linear in the length."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, pad

from espnet.nets.pytorch_backend.nets_utils import require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.mask import visible_rows


class LongformerSelfAttention(nn.Module):
    """Self-attention within sliding windows.

    A frame attends to frames at distances of up to `window` times `dilation` that are multiples of `dilation`. Frames
    are cut into chunks of `window`, so that a frame attends to its own chunk and the two beside it.

    Args:
        n_head: H.
        n_feat: D, a multiple of H.
        dropout_rate: dropout of the attention weights.
        window: visible frames on each side.
        dilation: distance between visible frames.
        whole_chunks: a frame attends to all of the three chunks.
    """

    query: nn.Module
    key: nn.Module
    value: nn.Module

    def __init__(
        self, n_head: int, n_feat: int, dropout_rate: float, window: int, dilation: int = 1, whole_chunks: bool = False
    ):
        super().__init__()
        require_positive(attention_heads=n_head, attention_windows=window, attention_dilation=dilation)
        require_rates(dropout_rate=dropout_rate)
        if n_feat % n_head:
            raise ValueError(f"{n_feat} features cannot be divided among {n_head} attention heads")
        self.h = n_head
        self.d_k = n_feat // n_head
        self.dropout_rate = dropout_rate
        self.window = window
        self.dilation = dilation
        self.whole_chunks = whole_chunks
        # Speech has no frames with global attention, but checkpoints hold its projections.
        for name in ("query", "key", "value", "query_global", "key_global", "value_global"):
            self.add_module(name, nn.Linear(n_feat, n_feat))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Attend.

        Args:
            x: (B, T, D).
            bias: `attention_bias` of the mask of frames, (B, 1, 1, T).

        Returns:
            (B, T, D), zeros at frames that the mask hides.
        """
        scale = self.d_k**-0.5
        q = self.chunks(self.split_heads(self.query(x) * scale)).unflatten(-2, (-1, self.window))
        k, v = (self.neighbours(self.chunks(self.split_heads(part(x)))) for part in (self.key, self.value))
        hidden = torch.finfo(x.dtype).min / 2
        seen = self.neighbours(self.chunks(bias.transpose(-2, -1), hidden), hidden).transpose(-2, -1)
        scores = torch.matmul(q, k.transpose(-2, -1)) + seen + self.band(x)
        weights = dropout(torch.softmax(scores, dim=-1), self.dropout_rate, self.training)
        attended = self.frames(torch.matmul(weights, v), x.shape[1])
        return (attended * visible_rows(bias.transpose(-2, -1))).transpose(1, 2).flatten(-2)

    def split_heads(self, x: Tensor) -> Tensor:
        """x (B, T, D) → (B, H, T, D/H)."""
        return x.unflatten(-1, (self.h, self.d_k)).transpose(1, 2)

    def chunks(self, x: Tensor, value: float = 0.0) -> Tensor:
        """Pad to N whole chunks, and put the frames that attend to each other side by side.

        x (B, H, T, C) → (B, H, dilation, N · window, C).
        """
        size = self.window * self.dilation
        # A number that may be 1 is traced as 1, where the example is short.
        count = torch.sym_max((x.shape[2] + size - 1) // size, 2)
        whole = pad(x, (0, 0, 0, count * size - x.shape[2]), value=value)
        return whole.unflatten(2, (count * self.window, self.dilation)).transpose(2, 3)

    def neighbours(self, x: Tensor, value: float = 0.0) -> Tensor:
        """Each chunk with those beside it: (B, H, dilation, N · window, C) → (B, H, dilation, N, 3 · window, C)."""
        x = pad(x, (0, 0, self.window, self.window), value=value).unflatten(-2, (-1, self.window))
        return torch.cat((x[:, :, :, :-2], x[:, :, :, 1:-1], x[:, :, :, 2:]), dim=-2)

    def band(self, x: Tensor) -> Tensor:
        """Bias (window, 3 · window) of a chunk's scores that restricts frames to the window."""
        place = torch.arange(3 * self.window, device=x.device)
        distance = (place - self.window - place[: self.window].unsqueeze(-1)).abs()
        hidden = (distance > self.window) & (not self.whole_chunks)
        return torch.zeros_like(hidden, dtype=x.dtype).masked_fill(hidden, torch.finfo(x.dtype).min / 4)

    def frames(self, x: Tensor, length: int) -> Tensor:
        """The inverse of `chunks`: (B, H, dilation, N, window, C) → (B, H, T, C)."""
        return x.flatten(3, 4).transpose(2, 3).flatten(2, 3)[:, :, :length]


class LongformerAttention(nn.Module):
    """The attention of a layer, which has no projection of its result.

    Args:
        attention_layer: attention within windows.
    """

    def __init__(self, attention_layer: LongformerSelfAttention):
        super().__init__()
        self.attention_layer = attention_layer

    def attend_self(self, x: Tensor, mask: Tensor | None, pos_emb: Tensor | None) -> Tensor:
        """x (B, T, D), `attention_bias` (B, 1, 1, T) or None where all frames are real, no positions → (B, T, D)."""
        return self.attention_layer(x, x.new_zeros(x.shape[0], 1, 1, x.shape[1]) if mask is None else mask)
