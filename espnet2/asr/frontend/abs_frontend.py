"""The interface of front ends: samples in, features out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch

from espnet2.interface.spec import Axis, Component, Length, OutputLength, Tensor


class Framing(NamedTuple):
    """Framing of a front end: `window` samples per frame, `hop` samples from one frame to the next.

    `padding` samples are mirrored at both ends of an utterance first.
    """

    window: int
    hop: int
    padding: int


class AbsFrontend(torch.nn.Module, ABC):
    """Base class of front ends, which turn samples into features.

    `length` is the number of frames as a formula of the number of samples; `reads` gives the axes of an utterance;
    `framing` is None in a front end that needs whole utterances. `longest` is the number of samples after which input
    is dropped, 0 for no limit. Recordings need `least_channels` if `reads` has a channel axis.
    """

    length: Length
    reads: tuple[Axis, ...] = ("samples",)
    framing: Framing | None = None
    longest: int = 0
    least_channels: int = 1

    @abstractmethod
    def output_size(self) -> int:
        """Dimension of a feature vector."""

    def frame_axes(self) -> tuple[Axis, ...]:
        """Axes of one frame."""
        return (self.output_size(),)

    @abstractmethod
    def forward(self, input: torch.Tensor, input_lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples (B, N) and lengths (B,) to features (B, T, C) and lengths (B,)."""

    def features(self, padded: torch.Tensor) -> torch.Tensor:
        """Features (B, T, C) of samples (B, N) whose ends are already mirrored."""
        raise NotImplementedError(f"{type(self).__name__} needs whole utterances")

    def components(self) -> tuple[Component, ...]:
        """Declare the graph "frontend": samples (or the axes of `reads`) to features."""
        steps = str(self.reads[0])
        return (
            Component(
                name="frontend",
                method="forward",
                inputs=(
                    Tensor("speech", ("batch", *self.reads)),
                    Tensor("speech_lengths", ("batch",), "int64", length_of=steps),
                ),
                outputs=(
                    Tensor("feats", ("batch", "out_frames", *self.frame_axes())),
                    Tensor("feats_lengths", ("batch",), "int64", length_of="out_frames"),
                ),
                lengths=(OutputLength("out_frames", steps, self.length),),
                attributes={"longest": self.longest, "least_channels": self.least_channels},
            ),
        )
