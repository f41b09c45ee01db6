"""cgMLP whose gate has convolutions of several kernel sizes (Prabhu et al. 2024, "Multi-Convformer")."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.conformer.convolution import DepthwiseConv1d
from espnet.nets.pytorch_backend.nets_utils import choose
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import hide_padding
from espnet2.asr.layers.cgmlp import GatingMLP, SpatialGatingUnit

Fuse = Callable[["MultiConvolutionalSpatialGatingUnit", list[Tensor], Tensor | None], Tensor]


def kernels_of(sizes: int | str) -> list[int]:
    """Parse kernel sizes of the configuration: a number, or numbers separated by commas.

    Raises:
        ValueError: the text is no list of numbers.
    """
    try:
        return [int(size) for size in str(sizes).split(",")]
    except ValueError:
        message = f"multicgmlp_kernel_sizes: expected odd numbers with commas between them, found {sizes!r}"
        raise ValueError(message) from None


class MultiConvolutionalSpatialGatingUnit(SpatialGatingUnit):
    """Spatial gating unit whose gate has convolutions of several kernel sizes.

    Args:
        size: C, even; with "concat" and "concat_fusion" C/2 is a multiple of the number of kernels.
        arch_type: how the convolutions are combined. "sum" adds their outputs for every channel; "weighted_sum" weights
            them by a softmax over kernels, frame by frame; with "concat" each computes a part of the channels;
            "concat_fusion" adds a depthwise convolution over all of these.
        kernel_sizes: kernel sizes in frames, odd, separated by commas.
        merge_conv_kernel: frames that the last convolution of "concat_fusion" spans, odd.
        use_non_linear: whether "sum" applies `activation` to its terms; without effect on the others.
        dropout_rate, use_linear_after_conv, gate_activation: as for `SpatialGatingUnit`.
        activation: see `use_non_linear`.
    """

    def __init__(
        self,
        size: int,
        arch_type: str,
        kernel_sizes: int | str,
        merge_conv_kernel: int,
        use_non_linear: bool,
        dropout_rate: float,
        use_linear_after_conv: bool,
        activation: nn.Module,
        gate_activation: str,
    ):
        super().__init__(size, dropout_rate, use_linear_after_conv, gate_activation)
        self.fuse = choose("multicgmlp_type", arch_type, FUSIONS)
        channels, kernels = size // 2, kernels_of(kernel_sizes)
        parts = len(kernels) if arch_type.startswith("concat") else 1
        if channels % parts:
            raise ValueError(f"{channels} channels cannot be divided among {parts} kernels of multicgmlp_kernel_sizes")
        groups = channels // parts
        self.convs = nn.ModuleList(
            nn.Conv1d(channels, groups, kernel, padding=same_padding(kernel), groups=groups) for kernel in kernels
        )
        if arch_type == "weighted_sum":
            self.kernel_prob_gen = nn.Sequential(nn.Linear(channels * len(kernels), len(kernels)), nn.Softmax(dim=-1))
        if arch_type == "concat_fusion":
            self.depthwise_conv_fusion = DepthwiseConv1d(channels, merge_conv_kernel)
        self.model_act = activation if use_non_linear else nn.Identity()

    def convolve(self, x: Tensor, padding: Tensor | None) -> Tensor:
        """Mix frames: x (B, C/2, T), zero at padded frames → (B, T, C/2)."""
        return self.fuse(self, [conv(x).transpose(1, 2) for conv in self.convs], padding)


def _sum(unit: MultiConvolutionalSpatialGatingUnit, xs: list[Tensor], padding: Tensor | None) -> Tensor:
    return torch.stack([unit.model_act(x) for x in xs]).sum(dim=0)


def _weighted_sum(unit: MultiConvolutionalSpatialGatingUnit, xs: list[Tensor], padding: Tensor | None) -> Tensor:
    weights = unit.kernel_prob_gen(torch.cat(xs, dim=-1)).unsqueeze(-2)
    return (torch.stack(xs, dim=-1) * weights).sum(dim=-1)


def _concat(unit: MultiConvolutionalSpatialGatingUnit, xs: list[Tensor], padding: Tensor | None) -> Tensor:
    return torch.cat(xs, dim=-1)


def _concat_fusion(unit: MultiConvolutionalSpatialGatingUnit, xs: list[Tensor], padding: Tensor | None) -> Tensor:
    x = hide_padding(torch.cat(xs, dim=-1), padding)
    return x + unit.depthwise_conv_fusion(x.transpose(1, 2)).transpose(1, 2)


# All map the outputs of the convolutions, (B, T, C/2) or a part of its channels each, to (B, T, C/2).
FUSIONS: dict[str, Fuse] = {
    "sum": _sum,
    "weighted_sum": _weighted_sum,
    "concat": _concat,
    "concat_fusion": _concat_fusion,
}


class MultiConvolutionalGatingMLP(GatingMLP):
    """cgMLP with several kernel sizes.

    Args:
        size: D.
        linear_units: C, even.
        arch_type, kernel_sizes, merge_conv_kernel, use_non_linear, dropout_rate, use_linear_after_conv, activation,
            gate_activation: as for `MultiConvolutionalSpatialGatingUnit`.
    """

    def __init__(
        self,
        size: int,
        linear_units: int,
        arch_type: str,
        kernel_sizes: int | str,
        merge_conv_kernel: int,
        use_non_linear: bool,
        dropout_rate: float,
        use_linear_after_conv: bool,
        activation: nn.Module,
        gate_activation: str,
    ):
        gate = MultiConvolutionalSpatialGatingUnit(
            linear_units,
            arch_type,
            kernel_sizes,
            merge_conv_kernel,
            use_non_linear,
            dropout_rate,
            use_linear_after_conv,
            activation,
            gate_activation,
        )
        super().__init__(size, linear_units, gate)
