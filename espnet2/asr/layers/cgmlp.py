"""Convolutional gating MLP, cgMLP (Sakuma et al. 2022), in the Branchformer's form (Peng et al. 2022)."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from espnet.nets.pytorch_backend.conformer.convolution import DepthwiseConv1d
from espnet.nets.pytorch_backend.nets_utils import ACTIVATIONS, by_rows, choose
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import hide_padding

GATE_ACTIVATIONS = {"identity": nn.Identity, **ACTIVATIONS}


def half(size: int) -> int:
    """Half the channels of a gated unit; raises `ValueError` for an odd number, or one below 2."""
    if size < 2 or size % 2:
        raise ValueError(f"cgmlp_linear_units: expected a positive even number, found {size}")
    return size // 2


class SpatialGatingUnit(nn.Module, ABC):
    """Spatial gating unit: multiplies half of the channels with a gate computed from the other half over time.

    Args:
        size: C, even.
        dropout_rate: dropout of the result.
        use_linear_after_conv: whether the gate ends in a linear layer.
        gate_activation: a name in `GATE_ACTIVATIONS`, applied to the gate.
    """

    def __init__(self, size: int, dropout_rate: float, use_linear_after_conv: bool, gate_activation: str):
        super().__init__()
        channels = half(size)
        self.norm = LayerNorm(channels)
        self.linear = nn.Linear(channels, channels) if use_linear_after_conv else None
        self.act = choose("gate_activation", gate_activation, GATE_ACTIVATIONS)()
        self.dropout = nn.Dropout(dropout_rate)

    def espnet_initialization_fn(self) -> None:
        """Initialise the gate to about one; called by `espnet2.torch_utils.initialize`."""
        for module in self.modules():
            if isinstance(module, nn.Conv1d) or module is self.linear:
                for name, parameter in module.named_parameters():
                    nn.init.normal_(parameter, std=1e-6) if name == "weight" else nn.init.ones_(parameter)

    @abstractmethod
    def convolve(self, x: Tensor, padding: Tensor | None) -> Tensor:
        """Mix frames: x (B, C/2, T), zero at padded frames → (B, T, C/2)."""

    def forward(self, x: Tensor, padding: Tensor | None = None, *, mask_pad: Tensor | None = None) -> Tensor:
        """x (B, T, C), padding (B, T, 1) bool, True at padded frames → (B, T, C/2).

        `mask_pad` (B, 1, T), True at padded frames, is upstream's form of `padding`.
        """
        if mask_pad is not None:
            padding = ~mask_pad.transpose(1, 2)
        kept, gate = x.chunk(2, dim=-1)
        gate = self.convolve(hide_padding(self.norm(gate), padding).transpose(1, 2), padding)
        if self.linear is not None:
            gate = by_rows(self.linear, gate)
        return self.dropout(kept * self.act(gate))


class ConvolutionalSpatialGatingUnit(SpatialGatingUnit):
    """Spatial gating unit whose gate is a depthwise convolution.

    Args:
        size: C, even.
        kernel_size: frames that the kernel spans, odd.
        dropout_rate, use_linear_after_conv, gate_activation: as for `SpatialGatingUnit`.
    """

    def __init__(
        self, size: int, kernel_size: int, dropout_rate: float, use_linear_after_conv: bool, gate_activation: str
    ):
        super().__init__(size, dropout_rate, use_linear_after_conv, gate_activation)
        self.conv = DepthwiseConv1d(size // 2, kernel_size)

    def convolve(self, x: Tensor, padding: Tensor | None) -> Tensor:
        """Mix frames: x (B, C/2, T), zero at padded frames → (B, T, C/2)."""
        return self.conv(x).transpose(1, 2)


class GatingMLP(nn.Module):
    """Linear layer, GELU, gating unit, linear layer.

    Args:
        size: D.
        linear_units: C, even.
        csgu: gating unit, (B, T, C) → (B, T, C/2).
    """

    def __init__(self, size: int, linear_units: int, csgu: SpatialGatingUnit):
        super().__init__()
        self.channel_proj1 = nn.Sequential(nn.Linear(size, linear_units), nn.GELU())
        self.csgu = csgu
        self.channel_proj2 = nn.Linear(linear_units // 2, size)

    def forward(self, x: Tensor, padding: Tensor | None = None) -> Tensor:
        """x (B, T, D), padding (B, T, 1) bool, True at padded frames → (B, T, D)."""
        return by_rows(self.channel_proj2, self.csgu(by_rows(self.channel_proj1, x), padding))


class ConvolutionalGatingMLP(GatingMLP):
    """cgMLP.

    Args:
        size: D.
        linear_units: C, even.
        kernel_size: frames that the gate's kernel spans, odd.
        dropout_rate: dropout of the gated half.
        use_linear_after_conv: whether the gate ends in a linear layer.
        gate_activation: a name in `GATE_ACTIVATIONS`.
    """

    def __init__(
        self,
        size: int,
        linear_units: int,
        kernel_size: int,
        dropout_rate: float,
        use_linear_after_conv: bool,
        gate_activation: str,
    ):
        gate = (linear_units, kernel_size, dropout_rate, use_linear_after_conv, gate_activation)
        super().__init__(size, linear_units, ConvolutionalSpatialGatingUnit(*gate))
