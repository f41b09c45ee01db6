"""Noise that a graph makes of a seed: the same on every machine, as no operator of random numbers is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

PRIME = 2147483579  # below 2^31, so that products fit int64; 2 modulo 3, so that cubes permute what is below it
KEYS = (1013904223, 1664525, 22695477, 69069)  # of the rounds, any numbers


def seeded_noise(seed: Tensor, like: Tensor, stream: int = 0) -> Tensor:
    """Draw numbers of a standard normal distribution.

    Positions, the seed and the stream are mixed by cubes modulo a prime, which gives uniform numbers; pairs of these
    become normal ones (Box and Muller 1958).

    Args:
        seed: (1,) int64, at least 0.
        like: of the shape that is wanted; its values are not read.
        stream: another one gives independent numbers for the same seed.

    Returns:
        Numbers of the shape and dtype of `like`.
    """
    places = torch.arange(like.numel(), device=like.device)
    start = _mixed(torch.remainder(seed, PRIME) + stream * KEYS[0])
    radius, angle = (_uniform(places * 2 + half, start) for half in (0, 1))
    noise = torch.sqrt(-2.0 * torch.log(radius)) * torch.cos(2 * math.pi * angle)
    return noise.reshape(like.shape).to(like.dtype)


def _uniform(places: Tensor, start: Tensor) -> Tensor:
    """Numbers between 0 and 1, (N,), of places (N,) int64 and a start (1,) int64."""
    mixed = _mixed(torch.remainder(_mixed(torch.remainder(places, PRIME)) + start, PRIME))
    return (mixed.to(torch.float32) + 0.5) / PRIME


def _mixed(x: Tensor) -> Tensor:
    """Mix numbers int64 that are at least 0 → below `PRIME`."""
    for key in KEYS:
        x = torch.remainder(x + key, PRIME)
        x = torch.remainder(torch.remainder(x * x, PRIME) * x, PRIME)
    return x
