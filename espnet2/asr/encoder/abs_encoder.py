"""Base class of encoders, which map features to hidden vectors and declare their ONNX interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn

from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from espnet2.asr.streaming import Blocks
from espnet2.interface.spec import Axis, Component, Length, OutputLength, State, Tensor


def last_output(encoded: Any) -> torch.Tensor:
    """Return the last layer's output, which intermediate CTC makes the first of a pair."""
    return encoded if isinstance(encoded, torch.Tensor) else encoded[0]


class AbsEncoder(nn.Module, ABC):
    """Base of all encoders.

    Attributes:
        input_size: F, size of a frame of features.
        length: output frames as a formula of input frames.
        input_layer_reads_tokens: whether "frames" are token ids.
        speakers: (S,) in an encoder that separates S speakers, whose outputs are (B, S, ...).
        blocks: blocks of a stream; None in an encoder that needs whole utterances.
        unfit: why there are none, in words that follow the encoder's name.
        streams_as_whole: whether streaming gives the same output as encoding the whole utterance.
        parallel_blocks: whether `encode_step` accepts several blocks at once.
        input_length: frames after the input layer as a formula of frames of features, in an encoder with blocks.
        output_stride: frames after the input layer per output frame of `encode_step`.
        sees_all_frames: whether attention, if any, compares all frames of an utterance with each other.
        longest: steps of input that are encoded, after which input is dropped; 0 for no limit.
        output_frames: axis of output frames; their number in an encoder that gives as many of every utterance.
    """

    input_size: int
    length: Length
    input_layer_reads_tokens: bool = False
    speakers: tuple[int, ...] = ()
    blocks: Blocks | None = None
    unfit: str = "which needs whole utterances"
    streams_as_whole: bool = False
    parallel_blocks: bool = False
    input_length: Length
    output_stride: int = 1
    sees_all_frames: bool = True
    longest: int = 0
    output_frames: Axis = "out_frames"
    _output_size: int

    @property
    def reads(self) -> tuple[Axis, ...]:
        """Axes of an utterance: frames of features; ("samples",) for an encoder that contains a front end."""
        return ("frames",) if self.input_layer_reads_tokens else ("frames", self.input_size)

    def output_size(self) -> int:
        """D, size of a hidden vector."""
        return self._output_size

    @abstractmethod
    def forward(self, xs_pad: torch.Tensor, ilens: torch.Tensor, prev_states: Any = None) -> Any:
        """Encode features xs_pad (B, T, F) of lengths ilens (B,) → (B, T', D), lengths (B,), states or None."""

    def check_length(self, xs_pad: torch.Tensor) -> None:
        """Raise `TooShortUttError` if xs_pad (B, T, ...) is too short for an output; for graphs, callers check that."""
        size, limit = xs_pad.shape[1], self.length.shortest()
        if not torch.compiler.is_exporting() and size < limit:
            raise TooShortUttError(
                f"an utterance of {size} {self.reads[0]} is too short; the encoder needs {limit}", size, limit
            )

    def encode(self, xs_pad: torch.Tensor, ilens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The last layer's output alone: xs_pad (B, T, F), ilens (B,) → (B, T', D), lengths (B,)."""
        encoded, lengths, _ = self(xs_pad, ilens)
        return last_output(encoded), lengths

    def embedding_size(self) -> int:
        """Size of a frame after the input layer."""
        return self._output_size

    def embed_frames(self, features: torch.Tensor) -> torch.Tensor:
        """The input layer alone, without positions: (B, T, F) → (B, T', D)."""
        raise NotImplementedError(f"{type(self).__name__} needs whole utterances")

    def states(self) -> tuple[State, ...]:
        """States of `encode_step`, zeros at first."""
        return ()

    def encode_step(
        self, frames: torch.Tensor, first: torch.Tensor, lengths: torch.Tensor, *states: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """Encode the next N blocks of each of B streams.

        Args:
            frames: (B, size + (N - 1) * hop, D) of `embed_frames`; all but the last N * hop repeat earlier ones.
            first: (B,) int64, number of the first of these blocks; the output of negative blocks is undefined.
            lengths: (B,) int64, frames of the whole stream if it ends in these blocks; otherwise a larger number.
            states: those of `states`.

        Returns:
            (B, T', D'), the lengths (B,) of its valid frames, and the next states.
        """
        raise NotImplementedError(f"{type(self).__name__} needs whole utterances")

    def components(self) -> tuple[Component, ...]:
        """The graph "encoder": features (batch, frames, F), or the axes of `reads` → (batch, out_frames, D)."""
        steps, frames = str(self.reads[0]), self.output_frames
        features = Tensor("xs_pad", ("batch", *self.reads))
        if self.input_layer_reads_tokens:
            features = Tensor("xs_pad", ("batch", *self.reads), "int64", below=self.input_size)
        return (
            Component(
                name="encoder",
                method="encode",
                inputs=(features, Tensor("ilens", ("batch",), "int64", length_of=steps)),
                outputs=(
                    Tensor("encoder_out", ("batch", *self.speakers, frames, self._output_size)),
                    Tensor(
                        "encoder_out_lens",
                        ("batch", *self.speakers),
                        "int64",
                        length_of=frames if isinstance(frames, str) else "",
                    ),
                ),
                lengths=(OutputLength("out_frames", steps, self.length),),
                attributes={"longest": self.longest},
            ),
        )
