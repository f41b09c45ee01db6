"""Durations of tokens from the attention of a trained synthesiser, which FastSpeech is trained with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet2.utils.attention_durations import durations_of


class DurationCalculator(nn.Module):
    """Durations of tokens by attention, and how sharp it is (Ren et al. 2019, FastSpeech, section 3.3)."""

    @torch.no_grad()
    def forward(self, att_ws: Tensor) -> tuple[Tensor, Tensor]:
        """Attention weights (T, U), or (layers, heads, T, U) → durations (U,) int64, and the focus rate."""
        durations, focus_rate = durations_of(att_ws.cpu().numpy())
        return torch.from_numpy(durations), torch.tensor(focus_rate)
