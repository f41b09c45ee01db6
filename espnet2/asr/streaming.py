"""Streaming encoder: reads samples step by step, outputs frames block by block, and keeps its states in named tensors.

One step reads the samples from a block's last frame to the next block's, so that all steps have the same size and use
the same graph. Therefore a stream begins with a `lead` of zeros, which aligns the end of the first block with the end
of a step. The last block is encoded differently, so a block is encoded once another frame follows or the stream has
ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from espnet2.asr.frontend.abs_frontend import Framing
from espnet2.interface.errors import OptionError
from espnet2.interface.spec import Axis, Component, Length, OutputLength, State
from espnet2.interface.spec import Tensor as SpecTensor
from espnet2.layers.global_mvn import GlobalMVN

FEATURES = Framing(window=1, hop=1, padding=0)  # of a model without front end, whose samples are features
MANY_STEPS = 50  # upper bound of example values


class Blocks(NamedTuple):
    """Geometry of the blocks into which an encoder cuts a stream, in frames after its input layer.

    `size` of a block, `hop` between block starts, and the `look_ahead` at its end, which the next block outputs.
    """

    size: int
    hop: int
    look_ahead: int


@dataclass(frozen=True)
class Geometry:
    """Positions of blocks in a stream of samples.

    Attributes:
        framing: framing of the front end.
        features: number of feature frames as a formula of samples.
        frames: number of frames after the input layer as a formula of features.
        blocks: blocks of these frames.

    Raises:
        ValueError: the mirrored end of a stream could give more frames than a step.
    """

    framing: Framing
    features: Length
    frames: Length
    blocks: Blocks

    def __post_init__(self) -> None:
        if self.first < self._complete(self.blocks.size):
            raise ValueError(
                f"input_layer: expected one that makes a frame of more than {self.framing.padding} samples, by which "
                f"the front end looks ahead, found one that makes it of {self.stride}"
            )

    @property
    def whole(self) -> Length:
        """Frames as a formula of the samples of a whole stream."""
        return self.features.then(self.frames)

    @property
    def stride(self) -> int:
        """Samples from a frame to the next."""
        return self.framing.hop * self.frames.stride

    @property
    def span(self) -> int:
        """Samples that contribute to a frame."""
        return self.framing.hop * (self.frames.shortest() - 1) + self.framing.window

    @property
    def step(self) -> int:
        """Samples of a step."""
        return self.blocks.hop * self.stride

    @property
    def first(self) -> int:
        """Samples after which the first block can be encoded, wherever the stream ends."""
        return self.whole.shortest(self.blocks.size + 1)

    @property
    def least_steps(self) -> int:
        """Number of steps up to the first block."""
        return -(-self.first // self.step)

    @property
    def lead(self) -> int:
        """Zeros before the first sample."""
        return self.least_steps * self.step - self.first

    @property
    def unused(self) -> int:
        """Samples at the end of a step that complete no frame of it."""
        return (self.first - self._complete(self.blocks.size)) // self.stride * self.stride

    @property
    def carried(self) -> int:
        """Samples of a step that the next one reads again."""
        return self.first - self._complete(self.blocks.size) + self.span - self.stride

    def _complete(self, frames: int) -> int:
        """Samples that complete this many frames, not counting mirrored ones at the start."""
        return self.stride * (frames - 1) + self.span - self.framing.padding


class StreamingModel:
    """Streaming methods of recognisers; the submodules are those of `ESPnetASRModel`."""

    frontend: Any
    normalize: Any
    encoder: Any

    def unfit_for_streams(self) -> str | None:
        """Return the reason why the model needs whole utterances; None if it can stream."""
        encoder, frontend, normalize = self.encoder, self.frontend, self.normalize
        if encoder.blocks is None:
            return f"{type(encoder).__name__}, {encoder.unfit}"
        for part in (getattr(self, "preencoder", None), getattr(self, "postencoder", None)):
            if part is not None:
                return f"{type(part).__name__} beside it"
        if frontend is not None and frontend.framing is None:
            return f"the front end {type(frontend).__name__}, which needs whole utterances"
        if normalize is not None and not isinstance(normalize, GlobalMVN):
            return f"{type(normalize).__name__}, which needs whole utterances"
        try:
            self.geometry()
        except ValueError as error:
            return str(error)
        return None

    def geometry(self) -> Geometry:
        """Positions of the encoder's blocks in samples, or in features without a front end."""
        encoder = self.encoder
        if self.frontend is None:
            return Geometry(FEATURES, Length(), encoder.input_length, encoder.blocks)
        return Geometry(self.frontend.framing, self.frontend.length, encoder.input_length, encoder.blocks)

    def streaming(self) -> Mapping[str, int]:
        """Parameters that a client of `encoder_step` needs, as stored in a bundle's manifest.

        Raises `OptionError` if the model needs whole utterances.
        """
        unfit = self.unfit_for_streams()
        if unfit is not None:
            raise OptionError(f"streaming: expected a model whose encoder takes blocks of a stream, found {unfit}")
        geometry, blocks = self.geometry(), self.encoder.blocks
        return {
            "samples_per_step": geometry.step,
            "lead": geometry.lead,
            "least_steps": geometry.least_steps,
            "frame_stride": geometry.stride * self.encoder.output_stride,
            "block_size": blocks.size,
            "hop_size": blocks.hop,
            "look_ahead": blocks.look_ahead,
        }

    def streaming_parts(self) -> tuple[tuple[torch.nn.Module, Component], ...]:
        """Return the parts of the model (see `parts`) with `encoder_step` as the encoder."""
        self.streaming()
        own: Any = self
        return ((own, self.step_component()), *own.parts()[1:])

    def step_component(self) -> Component:
        geometry, encoder = self.geometry(), self.encoder
        frame: tuple[int, ...] = () if self.frontend is not None else (encoder.input_size,)
        steps: Axis = "steps" if encoder.parallel_blocks else 1
        blocks = geometry.blocks
        overlap = blocks.size - blocks.hop
        several = OutputLength("out_frames", "steps", Length(((0, 1, 0, blocks.hop), (0, 1, overlap))))
        past: dict[str, tuple[Axis, ...]] = {
            "speech": ("batch", geometry.carried, *frame),
            "frames": ("batch", overlap, encoder.embedding_size()),
        }
        return Component(
            name="encoder_step",
            method="encode_step",
            inputs=(
                SpecTensor("speech", ("batch", steps, geometry.step, *frame)),
                SpecTensor("remaining", ("batch",), "int64", below=MANY_STEPS * geometry.step),
            ),
            outputs=(
                SpecTensor(
                    "encoder_out",
                    (
                        "batch",
                        several.axis if encoder.parallel_blocks else blocks.size,
                        encoder.components()[0].outputs[0].axes[-1],
                    ),
                ),
                SpecTensor("encoder_out_lens", ("batch",), "int64"),
            ),
            states=(
                *(
                    State(SpecTensor(f"past_{key}", axes), SpecTensor(f"next_{key}", axes))
                    for key, axes in past.items()
                ),
                State(
                    SpecTensor("step", ("batch",), "int64", below=MANY_STEPS),
                    SpecTensor("next_step", ("batch",), "int64"),
                ),
                *encoder.states(),
            ),
            lengths=(several,) if encoder.parallel_blocks else (),
        )

    def encode_step(
        self, speech: Tensor, remaining: Tensor, past_speech: Tensor, past_frames: Tensor, step: Tensor, *states: Tensor
    ) -> tuple[Tensor, ...]:
        """Encode the next steps of B streams.

        States are zero at the start of a stream. Its first `lead` samples are zeros (see `streaming`). After its last
        sample, zeros fill the last step, which is never full of samples; there are at least `least_steps` steps.

        Args:
            speech: (B, N, S) samples, or (B, N, S, F) features, of N steps.
            remaining: (B,) int64, samples from the first of these to the end of the stream, negative after the end;
                N * S or more if the stream continues.
            past_speech: (B, C) or (B, C, F) samples before them.
            past_frames: (B, size - hop, D) frames after the input layer before those of these steps.
            step: (B,) int64, number of earlier steps.
            states: states of the encoder.

        Returns:
            (B, T', D'), the lengths (B,) of its valid frames, and the next states.
        """
        geometry = self.geometry()
        count, hop = speech.shape[1], geometry.blocks.hop
        window = torch.cat((past_speech, speech.flatten(1, 2)), dim=1)
        start = step * geometry.step - geometry.lead - geometry.carried
        end = start + geometry.carried + remaining
        features = self._features(window[:, : window.shape[1] - geometry.unused], window, start, end)
        frames = torch.cat((past_frames, self.encoder.embed_frames(features)), dim=1)
        lengths = geometry.whole(end).clamp(min=0)
        first = step - (geometry.least_steps - 1)
        encoded, lens, *after = self.encoder.encode_step(frames, first, lengths, *states)
        return encoded, lens, window[:, count * geometry.step :], frames[:, count * hop :], step + count, *after

    def _features(self, used: Tensor, window: Tensor, start: Tensor, end: Tensor) -> Tensor:
        """Compute normalised features of samples `used`, a range of `window`, which begins at sample `start` (B,) of
        the stream.

        Samples before the stream and behind its `end` (B,) are mirrored.
        """
        features = used
        if self.frontend is not None:
            start, end = start.unsqueeze(-1), end.unsqueeze(-1)
            time = start + torch.arange(used.shape[1], device=used.device)
            time = torch.where(time < 0, torch.minimum(-time, end - 1), time)
            time = torch.where(time >= end, (2 * end - 2 - time).clamp(min=0), time)
            features = self.frontend.features(window.gather(1, (time - start).clamp(min=0, max=window.shape[1] - 1)))
        return features if self.normalize is None else self.normalize(features)[0]
