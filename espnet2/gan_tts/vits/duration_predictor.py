"""Stochastic duration predictor of VITS (Kim et al. 2021, section 2.2.2)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from espnet2.gan_tts.vits.flow import ConvFlow, DilatedDepthSeparableConv, ElementwiseAffineFlow, FlipFlow, LogFlow

NOISES = 2  # channels of noise: the logarithm of a duration, and one that is integrated out


class StochasticDurationPredictor(nn.Module):
    """Distribution of tokens' durations, by flows from noise.

    Args:
        channels: C.
        kernel_size: of convolutions.
        dropout_rate: dropout of the layers that read hidden vectors.
        flows: number of spline flows, of which inference leaves out the first.
        dds_conv_layers: layers of each `DilatedDepthSeparableConv`.
        global_channels: G, size of a global vector; not above 0: there is none.
    """

    def __init__(
        self,
        channels: int = 192,
        kernel_size: int = 3,
        dropout_rate: float = 0.5,
        flows: int = 4,
        dds_conv_layers: int = 3,
        global_channels: int = -1,
    ):
        super().__init__()

        def chain() -> nn.ModuleList:
            splines = ((ConvFlow(NOISES, channels, kernel_size, dds_conv_layers), FlipFlow()) for _ in range(flows))
            return nn.ModuleList([ElementwiseAffineFlow(NOISES), *(flow for pair in splines for flow in pair)])

        self.pre = nn.Conv1d(channels, channels, 1)
        self.dds = DilatedDepthSeparableConv(channels, kernel_size, dds_conv_layers, dropout_rate)
        self.proj = nn.Conv1d(channels, channels, 1)
        self.log_flow = LogFlow()
        self.flows = chain()
        self.post_pre = nn.Conv1d(1, channels, 1)
        self.post_dds = DilatedDepthSeparableConv(channels, kernel_size, dds_conv_layers, dropout_rate)
        self.post_proj = nn.Conv1d(channels, channels, 1)
        self.post_flows = chain()
        if global_channels > 0:
            self.global_conv = nn.Conv1d(global_channels, channels, 1)

    def forward(
        self,
        x: Tensor,
        x_mask: Tensor,
        w: Tensor | None = None,
        g: Tensor | None = None,
        inverse: bool = False,
        noise_scale: float = 1.0,
    ) -> Tensor:
        """Judge durations, or draw some.

        Args:
            x: (B, C, U) hidden vectors of tokens, to which no gradient goes back.
            x_mask: (B, 1, U), 1 on tokens and 0 behind them.
            w: (B, 1, U) durations in frames, unless `inverse`.
            g: (B, G, 1) global vectors, to which no gradient goes back.
            inverse: draw durations.
            noise_scale: factor of the noise that they are drawn with.

        Returns:
            Upper bounds (B,) of negative logarithms of the durations' likelihoods; with `inverse` logarithms
            (B, 1, U) of durations.

        Raises:
            ValueError: durations are missing.
        """
        if inverse:
            noise = torch.randn(len(x), NOISES, x.shape[2], dtype=x.dtype, device=x.device)
            return self.draw(x, x_mask, noise * noise_scale, g)
        if w is None:
            raise ValueError("w: expected durations (B, 1, U), found none")
        return self.judge(self.condition(x, x_mask, g), x_mask, w)

    def condition(self, x: Tensor, x_mask: Tensor, g: Tensor | None = None) -> Tensor:
        """The condition (B, C, U) of the flows."""
        hidden = self.pre(x.detach())
        if g is not None:
            hidden = hidden + self.global_conv(g.detach())
        return self.proj(self.dds(hidden, x_mask)) * x_mask

    def draw(self, x: Tensor, x_mask: Tensor, noise: Tensor, g: Tensor | None = None) -> Tensor:
        """Logarithms (B, 1, U) of durations of noise (B, 2, U)."""
        hidden, z = self.condition(x, x_mask, g), noise
        affine, _, *used = self.flows
        for flow in (*reversed(used), affine):
            z = flow(z, x_mask, g=hidden, inverse=True)
        return z[:, :1]

    def judge(self, hidden: Tensor, x_mask: Tensor, w: Tensor) -> Tensor:
        """Upper bounds (B,) of negative logarithms of likelihoods of durations w (B, 1, U).

        Durations are whole numbers; noise from 0 to 1, drawn from a distribution that depends on them, is taken off.
        """
        of_durations = self.post_proj(self.post_dds(self.post_pre(w), x_mask)) * x_mask
        noise = torch.randn(len(w), NOISES, w.shape[2], dtype=hidden.dtype, device=hidden.device) * x_mask
        drawn, grown = _through(self.post_flows, noise, x_mask, hidden + of_durations)
        part, other = drawn.split(1, dim=1)
        grown = grown + ((logsigmoid(part) + logsigmoid(-part)) * x_mask).sum(dim=(1, 2))
        logarithms, shrunk = self.log_flow((w - torch.sigmoid(part) * x_mask) * x_mask, x_mask)
        z, further = _through(self.flows, torch.cat((logarithms, other), dim=1), x_mask, hidden)
        return _normal(z, x_mask) - shrunk - further - _normal(noise, x_mask) - grown


def _through(flows: Iterable[nn.Module], z: Tensor, x_mask: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Noise (B, 2, U) through flows, and the logarithm (B,) of the Jacobian's determinant."""
    total = z.new_zeros(len(z))
    for flow in flows:
        z, logarithm = flow(z, x_mask, g=hidden)
        total = total + logarithm
    return z, total


def _normal(z: Tensor, x_mask: Tensor) -> Tensor:
    """Negative logarithms (B,) of the standard normal density of z (B, 2, U)."""
    return (0.5 * (math.log(2 * math.pi) + z.square()) * x_mask).sum(dim=(1, 2))
