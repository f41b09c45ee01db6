"""The context network of wav2vec 2.0 (Baevski et al. 2020): convolutional positions and Transformer layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet.nets.pytorch_backend.pretrained.layer import PretrainedLayer
from espnet.nets.pytorch_backend.pretrained.names import Names
from espnet.nets.pytorch_backend.state_names import attach
from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet.nets.pytorch_backend.transformer.positional_convolution import PositionalConv


class ContextNetwork(nn.Module):
    """Normalisation and projection of features, positions, layers.

    Args:
        channels: C, size of a feature.
        size: D.
        names: names of the submodules in checkpoints.
        positions: encoding of positions.
        make_layer: makes one layer.
        num_layers: number of layers.
        normalize_before: whether layers normalise their input, so that the last layer's output is normalised too.
        always_project: project features even where C is D.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        names: Names,
        positions: PositionalConv,
        make_layer: Callable[[], PretrainedLayer],
        num_layers: int,
        normalize_before: bool,
        always_project: bool = True,
    ):
        super().__init__()
        require_positive(num_layers=num_layers)
        self.names = names
        self.normalize_before = normalize_before
        self.projected = always_project or channels != size
        attach(self, names.feature_norm, nn.LayerNorm(channels))
        if self.projected:
            attach(self, names.feature_projection, nn.Linear(channels, size))
        attach(self, names.positions, positions)
        attach(self, names.layers, nn.ModuleList(make_layer() for _ in range(num_layers)))
        attach(self, names.norm, nn.LayerNorm(size))

    def part(self, path: str) -> Any:
        """Return the submodule with this name in checkpoints."""
        return self.get_submodule(path)

    def project(self, features: Tensor) -> Tensor:
        """Features (B, T, C) → (B, T, D)."""
        features = self.part(self.names.feature_norm)(features)
        return self.part(self.names.feature_projection)(features) if self.projected else features

    def hidden(self, features: Tensor, padding: Tensor, scores: Tensor | None = None) -> Iterator[Tensor]:
        """Encode a padded batch; padding does not change an utterance's result.

        Args:
            features: (B, T, C).
            padding: (B, T) bool, True behind each utterance.
            scores: of relative positions, for layers whose attention reads them.

        Yields:
            The first layer's input, then the output of each layer, (B, T, D).
        """
        x = self.project(features).masked_fill(padding.unsqueeze(-1), 0.0)
        x = x + self.part(self.names.positions)(x)
        x = x if self.normalize_before else self.part(self.names.norm)(x)
        yield x
        bias = attention_bias(~padding.unsqueeze(1), x.dtype)
        for layer in self.part(self.names.layers).children():
            x = layer(x, bias, scores)
            yield x

    def contextualize(self, features: Tensor, padding: Tensor, scores: Tensor | None = None) -> Tensor:
        """Return the last layer's output; arguments as in `hidden`: (B, T, C) → (B, T, D)."""
        *_, x = self.hidden(features, padding, scores)
        return self.part(self.names.norm)(x) if self.normalize_before else x
