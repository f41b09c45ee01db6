"""What every encoder is: a map from features to hidden vectors that declares its ONNX interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import nn

from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from espnet2.interface.spec import Axis, Component, Length, OutputLength, State, Tensor


class Blocks(NamedTuple):
    """The blocks that an encoder makes of a stream, in frames after its input layer.

    `size` of a block, `hop` from the start of one to the next, and the `look_ahead` at its end that the next one gives.
    """

    size: int
    hop: int
    look_ahead: int


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
        blocks: what a stream is cut into; None in an encoder that needs whole utterances.
        streams_as_whole: whether the blocks of a stream give what the whole utterance gives.
        parallel_blocks: whether `encode_step` takes several blocks at once.
        input_length: frames after the input layer as a formula of frames of features, in an encoder with blocks.
        output_stride: these frames per frame that `encode_step` gives.
        sees_all_frames: whether attention, where there is some, compares all frames of an utterance with each other.
        longest: steps of input behind which input is left out; 0 where there is no limit.
    """

    input_size: int
    length: Length
    input_layer_reads_tokens: bool = False
    speakers: tuple[int, ...] = ()
    blocks: Blocks | None = None
    streams_as_whole: bool = False
    parallel_blocks: bool = False
    input_length: Length
    output_stride: int = 1
    sees_all_frames: bool = True
    longest: int = 0
    _output_size: int

    @property
    def reads(self) -> tuple[Axis, ...]:
        """Axes of an utterance: frames of features; ("samples",) for an encoder that holds its own front end."""
        return ("frames",) if self.input_layer_reads_tokens else ("frames", self.input_size)

    def output_size(self) -> int:
        """D, size of a hidden vector."""
        return self._output_size

    @abstractmethod
    def forward(self, xs_pad: torch.Tensor, ilens: torch.Tensor, prev_states: Any = None) -> Any:
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

    def embedding_size(self) -> int:
        """Size of a frame after the input layer."""
        return self._output_size

    def embed_frames(self, features: torch.Tensor) -> torch.Tensor:
        """The input layer alone, without positions: (B, T, F) → (B, T', D)."""
        raise NotImplementedError(f"{type(self).__name__} needs whole utterances")

    def states(self) -> tuple[State, ...]:
        """What `encode_step` carries from a block to the next, zeros at first."""
        return ()

    def encode_step(
        self, frames: torch.Tensor, first: torch.Tensor, lengths: torch.Tensor, *states: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """Encode the next N blocks of each of B streams.

        Args:
            frames: (B, size + (N - 1) * hop, D) of `embed_frames`, of which all but the last N * hop came before, too.
            first: (B,) int64, the number of the first of these blocks; before block 0 everything is garbage.
            lengths: (B,) int64, the frames of a whole stream that ends in these blocks; else more than were given.
            states: those of `states`.

        Returns:
            (B, T', D'), the lengths (B,) of what is ready, and the next states.
        """
        raise NotImplementedError(f"{type(self).__name__} needs whole utterances")

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
                    Tensor("encoder_out", ("batch", *self.speakers, "out_frames", self._output_size)),
                    Tensor("encoder_out_lens", ("batch", *self.speakers), "int64", length_of="out_frames"),
                ),
                lengths=(OutputLength("out_frames", steps, self.length),),
            ),
        )
