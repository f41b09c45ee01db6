"""Encoder of the stand-alone transducer: an input block, and a configurable list of blocks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.streaming import Blocks
from espnet2.asr_transducer.encoder.blocks.conv1d import Conv1d
from espnet2.asr_transducer.encoder.building import (
    build_body_blocks,
    build_input_block,
    build_main_parameters,
    build_positional_encoding,
)
from espnet2.asr_transducer.encoder.validation import current_keys, validate_architecture
from espnet2.interface.spec import State
from espnet2.interface.spec import Tensor as SpecTensor


class Encoder(AbsEncoder):
    """Input block, blocks, and a normalisation at the end.

    Whole utterances are encoded with full context. Streams are cut into chunks, which see the cached frames before them
    and the look-ahead. With causal convolutions and no look-ahead, the result equals that of whole utterances under the
    same attention mask. With `vgg_like`, streams have one frame less at the start and one or two less at the end,
    which whole utterances compute from zero padding.

    Args:
        input_size: F.
        body_conf: blocks, each a dictionary with its `block_type` and the keys that `validation` lists.
        input_conf: of the input block: `vgg_like` (False), `subsampling_factor` (4), `conv_size` (the first block's;
            64 and 128 with `vgg_like`).
        main_conf: options shared by all blocks, the keywords of `build_main_parameters`.

    Raises:
        ValueError: options that are unknown or do not fit together.
    """

    output_size: int  # type: ignore[assignment]  # an attribute here, as upstream's

    @typechecked
    def __init__(
        self,
        input_size: int,
        body_conf: list[dict[str, Any]],
        input_conf: dict[str, Any] = {},  # noqa: B006 - never changed; the default is part of the schema
        main_conf: dict[str, Any] = {},  # noqa: B006
    ):
        super().__init__()
        require_positive(input_size=input_size)
        self._output_size = self.output_size = validate_architecture(input_conf, body_conf)
        main = build_main_parameters(**current_keys(main_conf))
        self.input_size = input_size
        self.embed = build_input_block(input_size, input_conf, body_conf[0])
        self.pos_enc = build_positional_encoding(self.embed.output_size, main)
        self.encoders = build_body_blocks(body_conf, self.embed.output_size, self._output_size, main)
        self.length = self.embed.length.then(self.encoders.length)
        self.dynamic_chunk_training = main.dynamic_chunk_training
        self.short_chunk_threshold = main.short_chunk_threshold
        self.short_chunk_size = main.short_chunk_size
        self.num_left_chunks = main.num_left_chunks
        self.left_context = self.chunk_size = 0
        self.reset_cache(0)

    def forward(self, x: Tensor, x_len: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Encode whole utterances x (B, T, F) of lengths (B,) → (B, T', D), lengths (B,)."""
        self.check_length(x)
        frames, lengths = self.embed(x, x_len)
        visible = self._training_chunks(frames) if self.training and self.dynamic_chunk_training else None
        return self.encoders(frames, self.pos_enc(frames), lengths, visible)

    def encode(self, xs_pad: Tensor, ilens: Tensor) -> tuple[Tensor, Tensor]:
        """The same as `forward`."""
        return self(xs_pad, ilens)

    def _training_chunks(self, frames: Tensor) -> Tensor | None:
        """Draw a mask of chunks of random size for frames (B, T, D): (T, T) bool."""
        total = frames.shape[1]
        size = int(torch.randint(1, max(total, 2), ()))
        if size > total * self.short_chunk_threshold:
            return None
        return chunk_mask(total, size % self.short_chunk_size + 1, self.num_left_chunks, frames.device)

    # Streams, with upstream's interface.

    def reset_cache(self, left_context: int, device: torch.device | str = "cpu") -> None:
        """Reset the stream of `chunk_forward`; the next one has `left_context` frames of left context."""
        self.cache = [
            [torch.zeros(1, frames, channels, device=device) for frames, channels in shapes]
            for shapes in self.encoders.caches(left_context)
        ]

    def chunk_forward(self, x: Tensor, x_len: Tensor, processed_frames: Tensor | int, left_context: int = 32) -> Tensor:
        """Encode the next chunk of the stream that `reset_cache` started.

        As in upstream, the chunk is all frames after the input block except the first and the last one, so that chunks
        of features must overlap.

        Args:
            x: (1, T, F).
            x_len: (1,), T.
            processed_frames: frames of the chunks before this one.
            left_context: that of `reset_cache`.

        Returns:
            (1, T' - 2, D).
        """
        frames, lengths = self.embed(x, x_len)
        begin = torch.as_tensor(processed_frames, device=x.device).reshape(1)
        encoded, self.cache = self._step(frames[:, 1:-1], begin, begin + lengths - 2, 0, left_context, self.cache)
        return encoded

    # Streams, with explicit states.

    def set_streaming(self, chunk_size: int, left_context: int, right_context: int = 0) -> None:
        """Set the chunk size and context of streams, in frames after the input block.

        Args:
            chunk_size: output frames of a step.
            left_context: frames before them that are visible to attention.
            right_context: look-ahead frames, which the next step computes again.

        Raises:
            ValueError: negative numbers, no frames, or a block that subsamples.
        """
        require_positive(chunk_size=chunk_size)
        for option, value in (("left_context", left_context), ("right_context", right_context)):
            if value < 0:
                raise ValueError(f"{option}: expected frames, 0 or more, found {value}")
        if any(isinstance(block, Conv1d) and not block.causal for block in self.encoders.blocks):
            raise ValueError(
                "body_conf: expected no conv1d block in streams, where nothing is trained with dynamic_chunk_training, "
                "found one"
            )
        self.chunk_size, self.left_context = chunk_size, left_context
        self.blocks = Blocks(chunk_size + right_context, chunk_size, right_context)
        self.input_length = self.embed.stream_length

    def embedding_size(self) -> int:
        """Size of a frame after the input block."""
        return self.embed.output_size

    def embed_frames(self, features: Tensor) -> Tensor:
        """The input block alone: features (B, T, F) → (B, T', D)."""
        return self.embed.within(features)

    def _groups(self) -> dict[tuple[int, int], list[tuple[int, int]]]:
        """Group caches by size: frames and channels → block and index of each cache of that size."""
        groups: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for block, shapes in enumerate(self.encoders.caches(self.left_context)):
            for number, shape in enumerate(shapes):
                groups.setdefault(shape, []).append((block, number))
        return groups

    def states(self) -> tuple[State, ...]:
        """States: one tensor for all caches of a size."""
        axes = {shape: ("batch", len(places), *shape) for shape, places in self._groups().items() if shape[0]}
        return tuple(
            State(SpecTensor(f"cache_{frames}x{channels}", size), SpecTensor(f"next_cache_{frames}x{channels}", size))
            for (frames, channels), size in axes.items()
        )

    def encode_step(self, frames: Tensor, first: Tensor, lengths: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """See the base class; the last chunk outputs its look-ahead frames, too."""
        assert self.blocks is not None
        groups, size, hop = self._groups(), self.blocks.size, self.blocks.hop
        caches: list[list[Tensor]] = [[] for _ in self.encoders.blocks]
        given = iter(states)
        for shape, places in groups.items():
            stacked = next(given).unbind(1) if shape[0] else [frames.new_zeros(frames.shape[0], *shape)] * len(places)
            for (block, _), cache in zip(places, stacked, strict=True):
                caches[block].append(cache)
        begin = first * hop
        right = self.blocks.look_ahead
        encoded, after = self._step(frames, begin, lengths, right, self.left_context, caches)
        starts = (first < 0).view(-1, 1, 1, 1)
        kept = [
            torch.stack([after[block][number] for block, number in places], dim=1).masked_fill(starts, 0.0)
            for shape, places in groups.items()
            if shape[0]
        ]
        rest = lengths - begin
        ready = torch.where(rest > size, hop, rest.clamp(min=0, max=size))
        return encoded, torch.where(first < 0, 0, ready), *kept

    def _step(
        self,
        frames: Tensor,
        begin: Tensor,
        lengths: Tensor,
        right: int,
        left_context: int,
        caches: list[list[Tensor]],
    ) -> tuple[Tensor, list[list[Tensor]]]:
        """Encode frames (B, T, D), the first of which has the number `begin` (B,) in streams of the lengths (B,)."""
        number = begin.unsqueeze(-1) + torch.arange(-left_context, frames.shape[1], device=frames.device)
        behind = number >= lengths.unsqueeze(-1)
        bias = attention_bias((~behind & (number >= 0)).unsqueeze(1), frames.dtype)
        padding = behind[:, left_context:].unsqueeze(-1)
        return self.encoders.step(frames, self.pos_enc(frames, left_context), bias, padding, right, caches)


def chunk_mask(size: int, chunk_size: int, num_left_chunks: int = 0, device: torch.device | None = None) -> Tensor:
    """Mask of visible frames: (T, T) bool, True up to the end of a frame's chunk, beginning `num_left_chunks` before it
    if that is above 0."""
    chunk = torch.arange(size, device=device) // chunk_size
    before = chunk.unsqueeze(1) - chunk.unsqueeze(0)
    return (before >= 0) & (before <= num_left_chunks) if num_left_chunks > 0 else before >= 0
