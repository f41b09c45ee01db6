"""Noise that graphs read, drawn from a seed: the same samples on every machine."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from espnet2.interface.spec import Component, Tensor
from espnet2.runtime.synthesis_options import VOCODER, SynthesisOptions

# Options that are factors of noise, by the name of the input.
FACTORS = {"noise": "noise_scale", "noise_durations": "noise_scale_dur"}


def drawn(tensor: Tensor, shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Noise of a shape: uniform from `least` to `below`, or of a standard normal distribution without bounds."""
    if tensor.below:
        return rng.uniform(tensor.least, float(tensor.below), shape).astype(tensor.dtype)
    return rng.standard_normal(shape).astype(tensor.dtype)


def factor(component: Component, tensor: Tensor, options: SynthesisOptions) -> float:
    """The factor of an input's noise."""
    scaled = tensor.name in FACTORS and component.name != VOCODER
    return float(getattr(options, FACTORS[tensor.name])) if scaled else 1.0


def noise_of(
    component: Component, tensor: Tensor, shape: Sequence[int], seed: int, options: SynthesisOptions
) -> np.ndarray:
    """The noise that an input of a graph gets for one utterance, which has no axis of a batch.

    Each input has a generator of its own, so that what one draws does not move the others.
    """
    rng = np.random.default_rng([seed, zlib.crc32(f"{component.name}.{tensor.name}".encode())])
    return drawn(tensor, shape, rng) * np.float32(factor(component, tensor, options))
