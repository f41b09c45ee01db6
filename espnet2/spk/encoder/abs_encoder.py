"""The interface of speaker encoders: features in, frames of the speaker's voice out."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from espnet2.interface.spec import Length


class AbsSpeakerEncoder(nn.Module, ABC):
    """Base of speaker encoders.

    Attributes:
        input_size: F, size of a frame of features.
        length: output frames as a formula of input frames.
    """

    input_size: int
    length: Length
    _output_size: int

    def output_size(self) -> int:
        """D, size of an output frame."""
        return self._output_size

    @abstractmethod
    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Encode features x (B, T, F) → (B, D, T').

        `lengths` (B,) int64 counts the frames of each utterance, which then gets in a padded batch what it gets alone;
        without them, all of them have T frames. Outputs behind `length` of an utterance have no meaning.
        """
