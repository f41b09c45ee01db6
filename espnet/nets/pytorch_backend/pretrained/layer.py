"""Transformer layer (Vaswani et al. 2017) of all pretrained networks, with the submodule names of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from espnet.nets.pytorch_backend.pretrained.names import LayerNames
from espnet.nets.pytorch_backend.state_names import attach
from espnet.nets.pytorch_backend.transformer.attention import AttentionHeads, MultiHeadedAttention


class ProjAttention(MultiHeadedAttention):
    """Scaled dot-product attention as fairseq and torchaudio name its projections."""

    names = ("q_proj", "k_proj", "v_proj", "out_proj")


class NamedLayer(nn.Module):
    """Transformer layer whose submodules have the names of a checkpoint.

    Args:
        size: D.
        attention: self-attention.
        units: size between the feed-forward layers.
        names: names of the submodules in checkpoints.
        normalize_before: normalise before (True) or after (False) each residual branch.
        residual_weight: weight of the skip connection (Wang et al. 2022, "DeepNet").
        activation: between the feed-forward layers.
    """

    def __init__(
        self,
        size: int,
        attention: AttentionHeads,
        units: int,
        names: LayerNames,
        normalize_before: bool,
        residual_weight: float = 1.0,
        activation: nn.Module | None = None,
    ):
        super().__init__()
        self.names = names
        self.normalize_before = normalize_before
        self.residual_weight = residual_weight
        self.activation = activation or nn.GELU()
        parts: dict[str, nn.Module] = {
            names.attention: attention,
            names.attention_norm: nn.LayerNorm(size),
            names.feed_in: nn.Linear(size, units),
            names.feed_out: nn.Linear(units, size),
            names.feed_norm: nn.LayerNorm(size),
        }
        for path, part in parts.items():
            attach(self, path, part)

    def attach_source(self, source: MultiHeadedAttention, size: int) -> None:
        """Add attention to another network's output."""
        attach(self, self.names.source, source)
        attach(self, self.names.source_norm, nn.LayerNorm(size))

    def part(self, path: str) -> Any:
        """Return the submodule with this name in checkpoints."""
        return self.get_submodule(path)

    def residual(self, x: Tensor, norm: str, branch: Callable[[Tensor], Tensor]) -> Tensor:
        """Residual connection: x (B, T, D), weighted, plus `branch`'s output for it."""
        weight, normalize = self.residual_weight, self.part(norm)
        past = x if weight == 1.0 else x * weight
        return past + branch(normalize(x)) if self.normalize_before else normalize(past + branch(x))

    def feed(self, x: Tensor) -> Tensor:
        """The feed-forward branch: (B, T, D) → (B, T, D)."""
        names = self.names
        return self.residual(
            x, names.feed_norm, lambda y: self.part(names.feed_out)(self.activation(self.part(names.feed_in)(y)))
        )


class PretrainedLayer(NamedLayer):
    """Self-attention and a feed-forward network."""

    def forward(self, x: Tensor, bias: Tensor | None, positions: Tensor | None = None) -> Tensor:
        """Encode.

        Args:
            x: (B, T, D).
            bias: (B, 1, 1 or T, T) `attention_bias`; None where everything may be seen.
            positions: scores of relative positions, for attention that reads them.

        Returns:
            (B, T, D).
        """
        attention = self.part(self.names.attention)
        return self.feed(
            self.residual(x, self.names.attention_norm, lambda y: attention.attend_self(y, bias, positions))
        )
