"""The two names that upstream's encoder needs: see the package's docstring."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers.models.longformer import modeling_longformer


class LongformerConfig:
    """Whatever it is given; a window counts positions on each side."""

    def __init__(self, **options) -> None:
        self.__dict__.update(options)


class LongformerSelfAttention(nn.Module):
    """Attention within windows: hidden_states (B, T, D), attention_mask (B, 1, 1, T), -1 at padding → (B, T, D)."""

    def __init__(self, config: LongformerConfig, layer_id: int) -> None:
        super().__init__()
        self.window = config.attention_window[layer_id]
        self.dilation = config.attention_dilation[layer_id]
        self.mode = config.attention_mode
        double = [2 * window for window in config.attention_window]  # `transformers` counts both sides
        theirs = modeling_longformer.LongformerSelfAttention(
            LongformerConfig(**{**vars(config), "attention_window": double}), layer_id
        )
        self.h, self.theirs = config.num_attention_heads, [theirs]
        for name in ("query", "key", "value", "query_global", "key_global", "value_global"):
            self.add_module(name, getattr(theirs, name))

    def forward(self, hidden_states: Tensor, attention_mask: Tensor, head_mask=None, output_attentions: bool = False):
        masked = attention_mask[:, 0, 0] < 0
        if self.mode == "sliding_chunks":
            options = {"is_index_masked": masked, "is_index_global_attn": torch.zeros_like(masked)}
            theirs = self.theirs[0].eval()
            bias = attention_mask[:, 0, 0].float() * 10000
            return theirs(hidden_states, bias, is_global_attn=False, **options)[0], None
        return self._dense(hidden_states, masked), None

    def _dense(self, x: Tensor, masked: Tensor) -> Tensor:
        q, k, v = (part(x).unflatten(-1, (self.h, -1)).transpose(1, 2) for part in (self.query, self.key, self.value))
        scores = (q / q.shape[-1] ** 0.5) @ k.transpose(-2, -1)
        hidden = ~self._near(x.shape[1]) | masked[:, None, None]
        weights = scores.masked_fill(hidden, -1e9).softmax(-1).masked_fill(masked[:, None, :, None], 0.0)
        return (weights @ v).transpose(1, 2).flatten(2)

    def _near(self, frames: int) -> Tensor:
        place = torch.arange(frames)
        if self.mode == "sliding_chunks_no_overlap":
            return ((place // self.window)[:, None] - place // self.window).abs() <= 1
        distance = place[:, None] - place
        return (distance.abs() <= self.window * self.dilation) & (distance % self.dilation == 0)
