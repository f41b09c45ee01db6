"""Noise on gradients."""

from __future__ import annotations

import numpy as np
import torch


def add_gradient_noise(
    model: torch.nn.Module,
    iteration: int,
    duration: float = 100,
    eta: float = 1.0,
    scale_factor: float = 0.55,
    seed: int | None = None,
) -> None:
    """Add normal noise of standard deviation `eta / interval ** scale_factor` to gradients (Neelakantan et al. 2015).

    Args:
        model: Model whose gradients are changed in place.
        iteration: Number of the step.
        duration: Steps of one interval; intervals count from 1.
        eta: Standard deviation in the first interval.
        scale_factor: Exponent of the decay.
        seed: Seed of the noise, with `iteration`, so that all processes draw the same; None: PyTorch's state.
    """
    sigma = eta / (iteration // duration + 1) ** scale_factor
    generators: dict[torch.device, torch.Generator] = {}
    for parameter in model.parameters():
        grad = parameter.grad
        if grad is None:
            continue
        if seed is not None and grad.device not in generators:
            state = int(np.random.SeedSequence((seed, iteration)).generate_state(1)[0])
            generators[grad.device] = torch.Generator(grad.device).manual_seed(state)
        generator = generators.get(grad.device)
        noise = torch.randn(grad.shape, generator=generator, dtype=grad.dtype, device=grad.device)
        grad.add_(noise, alpha=sigma)
