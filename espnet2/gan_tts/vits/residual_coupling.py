"""Affine coupling layers with WaveNets: the flow between VITS's prior and posterior (Kim et al. 2021, 2.5.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError
from espnet2.gan_tts.vits.flow import FlipFlow, Mapped
from espnet2.gan_tts.wavenet.wavenet import WaveNet


class ResidualAffineCouplingBlock(nn.Module):
    """Coupling layers, each with the order of channels reversed behind it.

    Args:
        in_channels: C, even.
        flows: number of coupling layers.
        hidden_channels, kernel_size, base_dilation, layers, global_channels, dropout_rate, use_weight_norm, bias,
            use_only_mean: see `ResidualAffineCouplingLayer`.
    """

    def __init__(
        self,
        in_channels: int = 192,
        hidden_channels: int = 192,
        flows: int = 4,
        kernel_size: int = 5,
        base_dilation: int = 1,
        layers: int = 4,
        global_channels: int = -1,
        dropout_rate: float = 0.0,
        use_weight_norm: bool = True,
        bias: bool = True,
        use_only_mean: bool = True,
    ):
        super().__init__()

        def coupling() -> ResidualAffineCouplingLayer:
            return ResidualAffineCouplingLayer(
                in_channels=in_channels,
                hidden_channels=hidden_channels,
                kernel_size=kernel_size,
                base_dilation=base_dilation,
                layers=layers,
                stacks=1,
                global_channels=global_channels,
                dropout_rate=dropout_rate,
                use_weight_norm=use_weight_norm,
                bias=bias,
                use_only_mean=use_only_mean,
            )

        self.flows = nn.ModuleList(flow for _ in range(flows) for flow in (coupling(), FlipFlow()))

    def forward(self, x: Tensor, x_mask: Tensor, g: Tensor | None = None, inverse: bool = False) -> Tensor:
        """x (B, C, T), x_mask (B, 1, T), global vectors g (B, G, 1) → (B, C, T)."""
        if inverse:
            for flow in reversed(self.flows):
                x = flow(x, x_mask, g=g, inverse=True)
            return x
        for flow in self.flows:
            x, _ = flow(x, x_mask, g=g)
        return x


class ResidualAffineCouplingLayer(nn.Module):
    """Summands, and perhaps factors, of half of the channels, which depend on the other half.

    Args:
        in_channels: C, even.
        hidden_channels: channels of the WaveNet.
        kernel_size, base_dilation, layers, stacks, global_channels, dropout_rate, use_weight_norm, bias: see `WaveNet`.
        use_only_mean: summands only.

    Raises:
        ValueError: an odd number of channels.
    """

    def __init__(
        self,
        in_channels: int = 192,
        hidden_channels: int = 192,
        kernel_size: int = 5,
        base_dilation: int = 1,
        layers: int = 5,
        stacks: int = 1,
        global_channels: int = -1,
        dropout_rate: float = 0.0,
        use_weight_norm: bool = True,
        bias: bool = True,
        use_only_mean: bool = True,
    ):
        super().__init__()
        if in_channels % 2:
            raise UnfitOptionError(f"in_channels: expected an even number, found {in_channels}")
        self.split_size = in_channels // 2
        self.use_only_mean = use_only_mean
        self.input_conv = nn.Conv1d(self.split_size, hidden_channels, 1)
        self.encoder = WaveNet(
            in_channels=-1,
            out_channels=-1,
            kernel_size=kernel_size,
            layers=layers,
            stacks=stacks,
            base_dilation=base_dilation,
            residual_channels=hidden_channels,
            aux_channels=-1,
            gate_channels=hidden_channels * 2,
            skip_channels=hidden_channels,
            global_channels=global_channels,
            dropout_rate=dropout_rate,
            bias=bias,
            use_weight_norm=use_weight_norm,
            scale_skip_connect=True,
        )
        self.proj = nn.Conv1d(hidden_channels, self.split_size if use_only_mean else in_channels, 1)
        nn.init.zeros_(self.proj.weight)  # training starts from the identity
        if self.proj.bias is not None:
            nn.init.zeros_(self.proj.bias)

    def forward(self, x: Tensor, x_mask: Tensor, g: Tensor | None = None, inverse: bool = False) -> Mapped:
        """x (B, C, T), x_mask (B, 1, T), global vectors g (B, G, 1) → (B, C, T), and unless `inverse` logarithms of
        Jacobian determinants (B,)."""
        kept, mapped = x.split(self.split_size, dim=1)
        hidden = self.encoder(self.input_conv(kept) * x_mask, x_mask, g=g)
        stats = self.proj(hidden) * x_mask
        mean, log_scale = (
            (stats, torch.zeros_like(stats)) if self.use_only_mean else stats.split(self.split_size, dim=1)
        )
        if inverse:
            return torch.cat((kept, (mapped - mean) * torch.exp(-log_scale) * x_mask), dim=1)
        mapped = mean + mapped * torch.exp(log_scale) * x_mask
        return torch.cat((kept, mapped), dim=1), log_scale.sum(dim=(1, 2))
