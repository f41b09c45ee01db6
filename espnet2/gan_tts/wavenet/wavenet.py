"""WaveNet (van den Oord et al. 2016) whose convolutions are not causal, as vocoders and flows use it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError
from espnet2.gan_tts.wavenet.residual_block import Conv1d1x1, ResidualBlock
from espnet2.gan_tts.weight_norm import apply_weight_norm, remove_weight_norm


class WaveNet(nn.Module):
    """Stacks of residual blocks with growing dilation, the sum of whose outputs is the result.

    Args:
        in_channels: I, channels of the input, where there is a first convolution.
        out_channels: O, channels of the output, where there are last convolutions.
        kernel_size: steps that a kernel spans, odd.
        layers: residual blocks, a multiple of `stacks`.
        stacks: how often the dilation starts again from 1.
        base_dilation: factor between the dilations of a stack's blocks.
        residual_channels, gate_channels, skip_channels, aux_channels, global_channels, bias: see `ResidualBlock`.
        dropout_rate: dropout of each block's input.
        use_weight_norm: split weights into gains and directions, as training and checkpoints have them.
        use_first_conv: a convolution from I to R channels; without it the input has R channels.
        use_last_conv: two convolutions from S to O channels; without them the output has S channels.
        scale_residual: see `ResidualBlock`.
        scale_skip_connect: whether the sum of outputs is divided by the root of their number.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        kernel_size: int = 3,
        layers: int = 30,
        stacks: int = 3,
        base_dilation: int = 2,
        residual_channels: int = 64,
        aux_channels: int = -1,
        gate_channels: int = 128,
        skip_channels: int = 64,
        global_channels: int = -1,
        dropout_rate: float = 0.0,
        bias: bool = True,
        use_weight_norm: bool = True,
        use_first_conv: bool = False,
        use_last_conv: bool = False,
        scale_residual: bool = False,
        scale_skip_connect: bool = False,
    ):
        super().__init__()
        if stacks < 1 or layers < 1 or layers % stacks:
            raise UnfitOptionError(f"layers: expected a multiple of stacks {stacks}, found {layers}")
        dilations = [base_dilation ** (layer % (layers // stacks)) for layer in range(layers)]
        self.receptive_field_size = (kernel_size - 1) * sum(dilations) + 1
        self.scale = math.sqrt(1.0 / layers) if scale_skip_connect else 1.0
        self.first_conv = Conv1d1x1(in_channels, residual_channels, bias=True) if use_first_conv else nn.Identity()
        self.conv_layers = nn.ModuleList(
            ResidualBlock(
                kernel_size=kernel_size,
                residual_channels=residual_channels,
                gate_channels=gate_channels,
                skip_channels=skip_channels,
                aux_channels=aux_channels,
                global_channels=global_channels,
                dilation=dilation,
                dropout_rate=dropout_rate,
                bias=bias,
                scale_residual=scale_residual,
            )
            for dilation in dilations
        )
        self.last_conv = nn.Sequential()
        if use_last_conv:
            between = Conv1d1x1(skip_channels, skip_channels, bias=True)
            last = Conv1d1x1(skip_channels, out_channels, bias=True)
            self.last_conv = nn.Sequential(nn.ReLU(), between, nn.ReLU(), last)
        if use_weight_norm:
            self.apply_weight_norm()

    def apply_weight_norm(self) -> None:
        """Split the weights of all convolutions into gains and directions."""
        apply_weight_norm(self)

    def remove_weight_norm(self) -> None:
        """Fold the gains and directions of all convolutions."""
        remove_weight_norm(self)

    def forward(
        self, x: Tensor, x_mask: Tensor | None = None, c: Tensor | None = None, g: Tensor | None = None
    ) -> Tensor:
        """Run the network.

        Args:
            x: (B, I, T), or (B, R, T) without a first convolution.
            x_mask: (B, 1, T), 1 on valid steps and 0 on others; None: all are valid.
            c: (B, A, T) auxiliary features, where the blocks read them.
            g: (B, G, 1) global vectors, where the blocks read them.

        Returns:
            (B, O, T), or (B, S, T) without last convolutions.
        """
        x = self.first_conv(x)
        if x_mask is not None:
            x = x * x_mask  # a bias has filled the padding
        skips = []
        for layer in self.conv_layers:
            x, skip = layer(x, x_mask, c, g)
            skips.append(skip)
        skipped = torch.stack(skips).sum(dim=0) * self.scale
        if x_mask is not None:
            skipped = skipped * x_mask
        return self.last_conv(skipped)
