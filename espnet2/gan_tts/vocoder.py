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
        units: number of discrete units, of which the generator reads one for each frame; 0: it reads features.
    """

    in_channels: int
    upsample_factor: int
    units: int = 0

    @property
    def samples(self) -> Length:
        """Number of samples of a number of frames."""
        return Length.multiplied(self.upsample_factor)

    @property
    def receptive_field(self) -> int | None:
        """Frames on each side of a frame on which its samples depend; None: they depend on all."""
        return None

    @abstractmethod
    def generate(self, feats: Tensor, *further: Tensor) -> Tensor:
        """Features (B, T, F), or units (B, T), and what `further_inputs` declares → samples (B, N) of the first
        channel."""

    def further_inputs(self) -> tuple[Declared, ...]:
        """Inputs of the graph beside the features."""
        return ()

    def components(self) -> tuple[Component, ...]:
        """The graph "vocoder"; utterances of a batch are equally long, since convolutions see what follows them.

        Its attribute `receptive_field` is the number of frames on each side of a frame on which its samples depend.
        """
        feats = Declared("feats", ("batch", "frames", self.in_channels))
        if self.units:
            feats = Declared("feats", ("batch", "frames"), "int64", below=self.units)
        reach = self.receptive_field
        return (
            Component(
                name="vocoder",
                method="generate",
                inputs=(feats, *self.further_inputs()),
                outputs=(Declared("wav", ("batch", "samples")),),
                lengths=(OutputLength("samples", "frames", self.samples),),
                attributes={} if reach is None else {"receptive_field": reach},
            ),
        )
