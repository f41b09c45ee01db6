"""Kullback-Leibler divergences of VITS (Kim et al. 2021, equation 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence


class KLDivergenceLoss(nn.Module):
    """Divergence of the posterior from the prior, estimated by a posterior sample that the flow has mapped."""

    def forward(self, z_p: Tensor, logs_q: Tensor, m_p: Tensor, logs_p: Tensor, z_mask: Tensor) -> Tensor:
        """Estimate the divergence.

        Args:
            z_p: (B, C, T) sample behind the flow.
            logs_q: (B, C, T) logarithms of the posterior's scales.
            m_p, logs_p: (B, C, T) means and logarithms of scales of the prior.
            z_mask: (B, 1, T), 1 on frames and 0 behind them.

        Returns:
            Mean (,) over frames of the sum over channels.
        """
        divergence = logs_p - logs_q - 0.5 + 0.5 * (z_p - m_p).square() * torch.exp(-2.0 * logs_p)
        return (divergence.float() * z_mask).sum() / z_mask.float().sum()


class KLDivergenceLossWithoutFlow(nn.Module):
    """Divergence of a normal distribution from another one."""

    def forward(self, m_q: Tensor, logs_q: Tensor, m_p: Tensor, logs_p: Tensor) -> Tensor:
        """Means and logarithms of scales of posterior and prior, of any one shape → the mean (,) of the divergence."""
        return kl_divergence(Normal(m_q, logs_q.exp()), Normal(m_p, logs_p.exp())).mean()
