"""Residual block of HiFi-GAN (Kong et al. 2020, section 2.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import choose
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet2.gan_tts.weight_norm import NormedConv1d

ACTIVATIONS = {
    name: getattr(nn, name)
    for name in ("ELU", "GELU", "LeakyReLU", "PReLU", "ReLU", "SELU", "SiLU", "Sigmoid", "Softplus", "Tanh")
}


def make_activation(name: str, params: Mapping[str, Any] | None = None) -> nn.Module:
    """Make PyTorch's activation of that name; raises `ValueError` for another name."""
    return choose("nonlinear_activation", name, ACTIVATIONS)(**(params or {}))


class ResidualBlock(nn.Module):
    """Dilated convolutions, each added to what it reads.

    Args:
        kernel_size: samples that a kernel spans, odd.
        channels: C.
        dilations: one for each convolution.
        bias: whether convolutions have one.
        use_additional_convs: a convolution without dilation follows each of them.
        nonlinear_activation, nonlinear_activation_params: a name in `ACTIVATIONS`, and its options.
    """

    def __init__(
        self,
        kernel_size: int = 3,
        channels: int = 512,
        dilations: Sequence[int] = (1, 3, 5),
        bias: bool = True,
        use_additional_convs: bool = True,
        nonlinear_activation: str = "LeakyReLU",
        nonlinear_activation_params: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        params = {"negative_slope": 0.1} if nonlinear_activation_params is None else nonlinear_activation_params
        padding = same_padding(kernel_size)

        def conv(dilation: int) -> nn.Sequential:
            kernel = NormedConv1d(
                channels, channels, kernel_size, dilation=dilation, padding=padding * dilation, bias=bias
            )
            return nn.Sequential(make_activation(nonlinear_activation, params), kernel)

        self.reach = padding * (sum(dilations) + len(dilations) * use_additional_convs)  # steps on each side
        self.use_additional_convs = use_additional_convs
        self.convs1 = nn.ModuleList(conv(dilation) for dilation in dilations)
        if use_additional_convs:
            self.convs2 = nn.ModuleList(conv(1) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, T) → (B, C, T)."""
        for index, conv in enumerate(self.convs1):
            y = conv(x)
            x = x + (self.convs2[index](y) if self.use_additional_convs else y)
        return x
