"""What every encoder is: a map from features to hidden vectors that declares its ONNX interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn

from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from espnet2.runtime.spec import Axis, Component, Length, OutputLength, Tensor


def last_output(encoded: Any) -> torch.Tensor:
    """The last layer's output alone, where intermediate CTC makes it the first of a pair."""
    return encoded if isinstance(encoded, torch.Tensor) else encoded[0]


class AbsEncoder(nn.Module, ABC):
    """Base of all encoders.

    Attributes:
        input_size: F, size of a frame of features.
        length: output frames as a formula of input frames.
        input_layer_reads_tokens: whether "frames" are token ids.
        speakers: (S,) in an encoder that gives an output for each of S speakers, whose outputs are (B, S, ...).
    """

    input_size: int
    length: Length
    input_layer_reads_tokens: bool = False
    speakers: tuple[int, ...] = ()
    _output_size: int

    @property
    def reads(self) -> tuple[Axis, ...]:
        """Axes of an utterance: frames of features; ("samples",) for an encoder that holds its own front end."""
        return ("frames",) if self.input_layer_reads_tokens else ("frames", self.input_size)

    def output_size(self) -> int:
        """D, size of a hidden vector."""
        return self._output_size

    @abstractmethod
    def forward(self, xs_pad: torch.Tensor, ilens: torch.Tensor, prev_states: torch.Tensor | None = None) -> Any:
        """Encode features xs_pad (B, T, F) of lengths ilens (B,) → (B, T', D), lengths (B,), states or None."""

    def check_length(self, xs_pad: torch.Tensor) -> None:
        """Raise `TooShortUttError` for an xs_pad (B, T, ...) that gives no output; graphs leave that to callers."""
        size, limit = xs_pad.shape[1], self.length.shortest()
        if not torch.compiler.is_exporting() and size < limit:
            raise TooShortUttError(
                f"an utterance of {size} {self.reads[0]} is too short; the encoder needs {limit}", size, limit
            )

    def encode(self, xs_pad: torch.Tensor, ilens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The last layer's output alone: xs_pad (B, T, F), ilens (B,) → (B, T', D), lengths (B,)."""
        encoded, lengths, _ = self(xs_pad, ilens)
        return last_output(encoded), lengths

    def components(self) -> tuple[Component, ...]:
        """The graph "encoder": features (batch, frames, F), or what `reads` says → (batch, out_frames, D)."""
        steps = str(self.reads[0])
        features = Tensor("xs_pad", ("batch", *self.reads))
        if self.input_layer_reads_tokens:
            features = Tensor("xs_pad", ("batch", *self.reads), "int64", below=self.input_size)
        return (
            Component(
                name="encoder",
                method="encode",
                inputs=(features, Tensor("ilens", ("batch",), "int64", length_of=steps)),
                outputs=(
                    Tensor("encoder_out", ("batch", *self.speakers, "out_frames", self.output_size())),
                    Tensor("encoder_out_lens", ("batch", *self.speakers), "int64", length_of="out_frames"),
                ),
                lengths=(OutputLength("out_frames", steps, self.length),),
            ),
        )
