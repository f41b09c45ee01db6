"""Denoiser of ProDiff (Huang et al. 2022), which predicts features of noisy ones, and the diffusion around it.

The network is that of DiffWave (Kong et al. 2021), the diffusion that of Ho et al. 2020.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, choose, require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding

LEAST_BETA = 0.1  # of the schedule "vpsde"
MOST_COSINE_BETA = 0.999
LINEAR_BETAS = (1e-6, 0.01)


def noise_scheduler(
    sched_type: str, timesteps: int, min_beta: float = 0.0, max_beta: float = 0.01, s: float = 0.008
) -> Tensor:
    """Variances of the noise that each step adds.

    Args:
        sched_type: "linear"; "cosine" (Nichol and Dhariwal 2021); "vpsde" (Song et al. 2021).
        timesteps: number of steps.
        min_beta, max_beta: range of "vpsde".
        s: offset of "cosine".

    Returns:
        (timesteps,).

    Raises:
        ValueError: an unknown schedule.
    """
    step = torch.arange(timesteps, dtype=torch.float64) + 1

    def cosine() -> Tensor:
        places = torch.linspace(0, timesteps, timesteps + 1, dtype=torch.float64) / timesteps
        kept = torch.cos((places + s) / (1 + s) * math.pi / 2) ** 2
        return (1 - kept[1:] / kept[:-1]).clamp(0, MOST_COSINE_BETA)

    schedules: dict[str, Callable[[], Tensor]] = {
        "linear": lambda: torch.linspace(*LINEAR_BETAS, timesteps, dtype=torch.float64),
        "cosine": cosine,
        "vpsde": lambda: (
            1 - torch.exp(-min_beta / timesteps - 0.5 * (max_beta - min_beta) * (2 * step - 1) / timesteps**2)
        ),
    }
    if sched_type not in schedules:
        raise UnknownScheduleError(f"unknown diffusion_scheduler {sched_type!r}; known ones: {', '.join(schedules)}")
    return choose("diffusion_scheduler", sched_type, schedules)().float()


class UnknownScheduleError(UnfitOptionError, NotImplementedError):
    """Unknown schedule; derived from the error class that upstream raises as well."""


class Mish(nn.Module):
    """x · tanh(softplus(x)) (Misra 2020)."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape → the same shape."""
        return nn.functional.mish(x)


class ResidualBlock(nn.Module):
    """Gated convolution over frames, with the condition and the step added.

    Args:
        adim: D, size of the condition.
        channels: C.
        dilation: of the convolution.
    """

    def __init__(self, adim: int, channels: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, 2 * channels, 3, padding=dilation, dilation=dilation)
        self.diff_proj = nn.Linear(channels, channels)
        self.cond_proj = nn.Conv1d(adim, 2 * channels, 1)
        self.out_proj = nn.Conv1d(channels, 2 * channels, 1)

    def forward(
        self, x: Tensor, condition: Tensor, step: Tensor, padding: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Process one layer.

        Args:
            x: (B, C, T).
            condition: (B, D, T).
            step: (B, C), the embedded step.
            padding: (B, 1, T) bool, True at padded frames.

        Returns:
            The next layer's x (B, C, T), and the layer's share of the result (B, C, T).
        """
        return self.advance(x, self.cond_proj(condition), step, padding)

    def advance(self, x: Tensor, projected: Tensor, step: Tensor, padding: Tensor | None) -> tuple[Tensor, Tensor]:
        """`forward` with the condition as `cond_proj` projects it, (B, 2 C, T), and a step (B or 1, C)."""
        hidden = x + self.diff_proj(step).unsqueeze(-1)
        hidden = hidden if padding is None else hidden.masked_fill(padding, 0.0)
        gate, signal = (self.conv(hidden) + projected).chunk(2, dim=1)
        residual, skip = self.out_proj(gate.sigmoid() * signal.tanh()).chunk(2, dim=1)
        return (x + residual) / math.sqrt(2.0), skip


class SpectogramDenoiser(nn.Module):
    """Features by a diffusion whose every step predicts the clean ones.

    Args:
        idim: F, size of the features.
        adim: D, size of the condition.
        layers: number of residual blocks.
        channels: C.
        cycle_length: layers after which dilations, powers of two, start again.
        timesteps: steps of inference; training draws one more, which is the noisiest.
        timescale: not used.
        max_beta, scheduler: see `noise_scheduler`.
        dropout_rate: dropout of the embedded step.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    alphas_cumulative: Tensor
    min_alphas_cumulative: Tensor
    posterior: Tensor

    def __init__(
        self,
        idim: int,
        adim: int = 256,
        layers: int = 20,
        channels: int = 256,
        cycle_length: int = 1,
        timesteps: int = 200,
        timescale: int = 1,
        max_beta: float = 40.0,
        scheduler: str = "vpsde",
        dropout_rate: float = 0.05,
    ) -> None:
        super().__init__()
        require_positive(denoiser_layers=layers, denoiser_channels=channels, diffusion_steps=timesteps)
        require_positive(diffusion_cycle_ln=cycle_length)
        require_rates(dropout_rate=dropout_rate)
        self.idim = idim
        self.timesteps = timesteps
        self.in_proj = nn.Conv1d(idim, channels, 1)
        self.denoiser_pos = PositionalEncoding(channels, dropout_rate)
        self.denoiser_mlp = nn.Sequential(nn.Linear(channels, 4 * channels), Mish(), nn.Linear(4 * channels, channels))
        self.denoiser_res = nn.ModuleList(
            ResidualBlock(adim, channels, 2 ** (index % cycle_length)) for index in range(layers)
        )
        self.skip_proj = nn.Conv1d(channels, channels, 1)  # without effect in upstream's models, too
        self.feats_out = nn.Conv1d(channels, idim, 1)
        betas = noise_scheduler(scheduler, timesteps + 1, LEAST_BETA, max_beta)
        kept = torch.cumprod(1 - betas, dim=0)
        self.register_buffer("alphas_cumulative", kept.sqrt())
        self.register_buffer("min_alphas_cumulative", (1 - kept).sqrt())
        self.register_buffer("posterior", _posterior(betas, kept), persistent=False)

    def forward(
        self, xs: Tensor, ys: Tensor | None = None, masks: Tensor | None = None, is_inference: bool = False
    ) -> Tensor:
        """Predict features, in training of those of a random step.

        Args:
            xs: condition (B, T, D).
            ys: clean features (B, T, F), which only training reads.
            masks: (B, 1, T) bool, True at real frames.
            is_inference: generate features of noise.

        Returns:
            (B, T, F).
        """
        if is_inference or ys is None:
            return self.inference(xs)
        steps = torch.randint(0, self.timesteps + 1, (len(xs),), device=xs.device)
        noisy = self.diffusion(ys, steps)
        feats = self.forward_denoise(noisy, steps, xs, None if masks is None else ~masks)
        return (feats if masks is None else feats * masks).transpose(1, 2)

    def forward_denoise(
        self, xs_noisy: Tensor, step: Tensor, condition: Tensor, padding: Tensor | None = None
    ) -> Tensor:
        """Predict clean features.

        Args:
            xs_noisy: noisy features (B, 1, F, T).
            step: (B,) int64, the number of the step, which says how noisy they are.
            condition: (B, T, D).
            padding: (B, 1, T) bool, True at padded frames.

        Returns:
            (B, F, T).
        """
        return self._denoise(xs_noisy.squeeze(1), self._project(condition), self._embed(step), padding)

    def _project(self, condition: Tensor) -> list[Tensor]:
        """The condition (B, T, D) as each layer reads it, (B, 2 C, T)."""
        return [cast(ResidualBlock, layer).cond_proj(condition.transpose(1, 2)) for layer in self.denoiser_res]

    def _embed(self, step: Tensor) -> Tensor:
        """Numbers of steps (N,) → (N, C): the number itself, in all channels, at position 0, and a small network."""
        numbers = step.to(self.in_proj.weight.dtype).reshape(-1, 1, 1).expand(-1, 1, self.in_proj.out_channels)
        return self.denoiser_mlp(self.denoiser_pos(numbers).squeeze(1))

    def _denoise(self, noisy: Tensor, projected: Sequence[Tensor], step: Tensor, padding: Tensor | None) -> Tensor:
        """Clean features (B, F, T) of noisy ones, of a step (B or 1, C)."""
        x = self.in_proj(noisy).relu()
        total = torch.zeros_like(x)
        for layer, condition in zip(self.denoiser_res, projected, strict=True):
            x, skip = cast(ResidualBlock, layer).advance(x, condition, step, padding)
            total = total + skip
        return self.feats_out(total / math.sqrt(len(self.denoiser_res)))

    def diffusion(self, xs_ref: Tensor, steps: Tensor, noise: Tensor | None = None) -> Tensor:
        """Features (B, T, F) with as much noise (B, 1, F, T) as they have at steps (B,) → (B, 1, F, T)."""
        feats = xs_ref.transpose(1, 2).unsqueeze(1)
        noise = torch.randn_like(feats) if noise is None else noise
        kept, added = (
            scales[steps].reshape(-1, 1, 1, 1) for scales in (self.alphas_cumulative, self.min_alphas_cumulative)
        )
        return kept * feats + added * noise

    def inference(self, condition: Tensor) -> Tensor:
        """Features (B, T, F) for a condition (B, T, D), of noise that PyTorch's generator draws."""
        return self.generate(condition, self.noise(condition[..., 0]))

    def noise(self, frames: Tensor) -> Tensor:
        """Noise (B, S + 1, F, T) that `generate` reads, for frames (B, T), in the order in which upstream draws it."""
        shape = (frames.shape[0], self.idim, frames.shape[1])
        return torch.stack([torch.randn(shape, device=frames.device) for _ in range(self.timesteps + 1)], dim=1)

    def generate(self, condition: Tensor, noise: Tensor, padding: Tensor | None = None) -> Tensor:
        """Generate features; a graph of this method holds the layers once, in an operator `Scan` over the steps.

        Args:
            condition: (B, T, D).
            noise: (B, S + 1, F, T) of a standard normal distribution: what the S steps start from, and of each.
            padding: (B, 1, T) bool, True at padded frames.

        Returns:
            (B, T, F).
        """
        # What does not change from step to step is computed once.
        projected = self._project(condition)
        steps = torch.arange(self.timesteps - 1, -1, -1, device=noise.device)

        def advance(feats: Tensor, given: tuple[Tensor, ...]) -> tuple[Tensor, tuple[()]]:
            noise, step, factors = given
            clean = self._denoise(feats, projected, step.unsqueeze(0), padding)
            of_clean, of_noisy, deviation = factors
            return of_clean * clean + of_noisy * feats + deviation * noise, ()

        given = noise[:, 1:].transpose(0, 1), self._embed(steps), self.posterior[steps]
        loop = scan if torch.compiler.is_exporting() else _scan
        return loop(advance, noise[:, 0].contiguous(), given)[0].transpose(1, 2)


def _scan(step: Callable[..., Any], start: Tensor, given: tuple[Tensor, ...]) -> tuple[Tensor, tuple[()]]:
    """Loop as PyTorch's `scan` does, which would compile the function."""
    for row in zip(*given, strict=True):
        start, _ = step(start, row)
    return start, ()


def _posterior(betas: Tensor, kept: Tensor) -> Tensor:
    """Factors of clean features, of noisy ones and of noise, with which a step gives less noisy ones (steps, 3).

    See Ho et al. 2020, equations 6 and 7. The last step, number 0, gives the clean features.
    """
    before = torch.cat((kept.new_ones(1), kept[:-1]))
    of_clean = betas * before.sqrt() / (1 - kept)
    of_noisy = (1 - before) * (1 - betas).sqrt() / (1 - kept)
    deviation = (betas * (1 - before) / (1 - kept)).sqrt()
    return torch.stack((of_clean, of_noisy, deviation), dim=1)
