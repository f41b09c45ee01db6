"""Interface of post-encoders, which transform the encoder's output."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from espnet2.interface.spec import Component, Length, OutputLength, Tensor


class AbsPostEncoder(torch.nn.Module, ABC):
    """Base class of post-encoders. `length` is the number of output frames as a formula of input frames. More than
    `longest` input frames are refused, unless that is 0."""

    input_size: int
    length: Length = Length()
    longest: int = 0

    @abstractmethod
    def output_size(self) -> int:
        """Size of an output frame."""

    @abstractmethod
    def forward(self, input: torch.Tensor, input_lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encoder output (B, T, D) and lengths (B,) to (B, T', D') and lengths (B,)."""

    def components(self) -> tuple[Component, ...]:
        """Declare the graph "postencoder"; in a recogniser it is part of the graph "encoder"."""
        return (
            Component(
                name="postencoder",
                method="forward",
                inputs=(
                    Tensor("input", ("batch", "frames", self.input_size)),
                    Tensor("input_lengths", ("batch",), "int64", length_of="frames"),
                ),
                outputs=(
                    Tensor("output", ("batch", "out_frames", self.output_size())),
                    Tensor("output_lengths", ("batch",), "int64", length_of="out_frames"),
                ),
                lengths=(OutputLength("out_frames", "frames", self.length),),
            ),
        )
