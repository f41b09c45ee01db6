"""Vocoders: generators that make samples of features, and how far each sample sees."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from espnet2.gan_tts.weight_norm import WeightNormed
from espnet2.interface.spec import Component, Length, OutputLength
from espnet2.interface.spec import Tensor as Declared


class Stage(NamedTuple):
    """A transposed convolution and the convolutions behind it.

    Attributes:
        reach: steps on each side that the convolutions read.
        scale: steps that the transposed convolution makes of one; 1: there is none.
        kernel, padding: its own.
    """

    reach: int
    scale: int = 1
    kernel: int = 1
    padding: int = 0


def upsampling_stage(conv: Any, reach: int = 0) -> Stage:
    """The stage of a transposed convolution (`nn.ConvTranspose1d`), with the reach of what follows it."""
    return Stage(reach, conv.stride[0], conv.kernel_size[0], conv.padding[0])


def receptive_field(stages: Sequence[Stage]) -> int:
    """Frames on each side of a frame on which its samples depend, where the stages follow one another."""
    low, high = 0, math.prod(stage.scale for stage in stages) - 1
    for stage in reversed(stages):
        low = -(-(low - stage.reach + stage.padding - stage.kernel + 1) // stage.scale)
        high = (high + stage.reach + stage.padding) // stage.scale
    return max(-low, high)


class AbsVocoder(WeightNormed):
    """Base of generators.

    Attributes:
        in_channels: F, size of the features.
        upsample_factor: samples of a frame.
    """

    in_channels: int
    upsample_factor: int

    @property
    def receptive_field(self) -> int | None:
        """Frames on each side of a frame on which its samples depend; None: they depend on all."""
        return None

    @abstractmethod
    def generate(self, feats: Tensor, *further: Tensor) -> Tensor:
        """Features (B, T, F) and what `further_inputs` declares → samples (B, N) of the first channel."""

    def further_inputs(self) -> tuple[Declared, ...]:
        """Inputs of the graph beside the features."""
        return ()

    def components(self) -> tuple[Component, ...]:
        """The graph "vocoder"; utterances of a batch are equally long, since convolutions see what follows them."""
        declared = vocoder_component(
            self.in_channels, self.upsample_factor, self.receptive_field, further=self.further_inputs()
        )
        return (declared,)


def vocoder_component(
    size: int,
    hop: int,
    reach: int | None = None,
    reads: str = "feats",
    further: tuple[Declared, ...] = (),
    method: str = "generate",
) -> Component:
    """The graph that makes `hop` samples of each frame of `size` features.

    Args:
        size: F.
        hop: samples of a frame.
        reach: frames on each side of a frame on which its samples depend, which is the graph's attribute
            `receptive_field`; None: they depend on all frames.
        reads: name of the features (batch, frames, F).
        further: inputs beside these.
        method: what is called with the inputs.
    """
    attributes: dict[str, Any] = {} if reach is None else {"receptive_field": reach}
    return Component(
        name="vocoder",
        method=method,
        inputs=(Declared(reads, ("batch", "frames", size)), *further),
        outputs=(Declared("wav", ("batch", "samples")),),
        lengths=(OutputLength("samples", "frames", Length.multiplied(hop)),),
        attributes=attributes,
    )
