"""Interface of pre-encoders, which transform features before the encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from espnet2.interface.spec import Axis, Component, Length, OutputLength, Tensor


class AbsPreEncoder(torch.nn.Module, ABC):
    """Base class of pre-encoders.

    `length` is the number of output frames as a formula of input frames; `reads` gives the axes of an utterance's
    features. More than `longest` input frames are refused, unless that is 0.
    """

    length: Length = Length()
    longest: int = 0
    reads: tuple[Axis, ...]

    @abstractmethod
    def output_size(self) -> int:
        """Size of an output frame."""

    @abstractmethod
    def forward(self, input: torch.Tensor, input_lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (B, T, ...) and lengths (B,) to (B, T', D) and lengths (B,)."""

    def components(self) -> tuple[Component, ...]:
        """Declare the graph "preencoder"; in a recogniser it is part of the graph "encoder"."""
        steps = str(self.reads[0])
        return (
            Component(
                name="preencoder",
                method="forward",
                inputs=(
                    Tensor("input", ("batch", *self.reads)),
                    Tensor("input_lengths", ("batch",), "int64", length_of=steps),
                ),
                outputs=(
                    Tensor("output", ("batch", "out_frames", self.output_size())),
                    Tensor("output_lengths", ("batch",), "int64", length_of="out_frames"),
                ),
                lengths=(OutputLength("out_frames", steps, self.length),),
            ),
        )
