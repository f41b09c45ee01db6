"""Posterior encoder of VITS (Kim et al. 2021, section 2.5.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet2.gan_tts.wavenet.wavenet import WaveNet


class PosteriorEncoder(nn.Module):
    """Distribution of latent vectors of features of speech.

    Args:
        in_channels: F, size of the features.
        out_channels: C, size of a latent vector.
        hidden_channels: channels of the WaveNet.
        kernel_size, layers, stacks, base_dilation, global_channels, dropout_rate, bias, use_weight_norm: see `WaveNet`.
    """

    def __init__(
        self,
        in_channels: int = 513,
        out_channels: int = 192,
        hidden_channels: int = 192,
        kernel_size: int = 5,
        layers: int = 16,
        stacks: int = 1,
        base_dilation: int = 1,
        global_channels: int = -1,
        dropout_rate: float = 0.0,
        bias: bool = True,
        use_weight_norm: bool = True,
    ):
        super().__init__()
        self.input_conv = nn.Conv1d(in_channels, hidden_channels, 1)
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
        self.proj = nn.Conv1d(hidden_channels, out_channels * 2, 1)

    def forward(self, x: Tensor, x_lengths: Tensor, g: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Encode features.

        Args:
            x: (B, F, T).
            x_lengths: (B,) frames.
            g: (B, G, 1) global vectors.

        Returns:
            Latent vectors (B, C, T) drawn from the distribution, its means and logarithms of scales (B, C, T), and the
            mask (B, 1, T), 1 on frames and 0 behind them.
        """
        mask = (~make_pad_mask(x_lengths, x.shape[2])).unsqueeze(1).to(x.dtype)
        hidden = self.encoder(self.input_conv(x) * mask, mask, g=g)
        mean, log_scale = (self.proj(hidden) * mask).chunk(2, dim=1)
        return (mean + torch.randn_like(mean) * log_scale.exp()) * mask, mean, log_scale, mask
