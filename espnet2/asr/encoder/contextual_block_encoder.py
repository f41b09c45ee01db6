"""Block-wise encoders with context vectors (Tsunoo et al. 2019, "Transformer ASR with contextual block processing";
Tsunoo et al. 2021, "Streaming Transformer ASR with blockwise synchronous beam search").

A block attends to its own frames and to a context vector that summarises all earlier blocks. In each layer, one more
position of a block computes such a vector, which the next block reads in the next layer. So a block depends only on the
layer below of the previous block, and all blocks of an utterance are computed at once.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from espnet.nets.pytorch_backend.nets_utils import full_lengths
from espnet.nets.pytorch_backend.transformer.embedding import NoPositionalEncoding, Positions
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet.nets.pytorch_backend.transformer.repeat import MultiSequential
from espnet.nets.pytorch_backend.transformer.subsampling import (
    Conv2dSubsamplingWOPosEnc,
    ConvSubsampling,
    InputLayer,
    MakeInput,
    linear_input,
    positions_input,
    token_input,
)
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.encoder.feature_stream import FeatureStream, Waiting
from espnet2.asr.streaming import Blocks
from espnet2.interface.spec import State
from espnet2.interface.spec import Tensor as SpecTensor

# Kernels and strides.
CONVOLUTIONS = {"conv2d": ((3, 3), (2, 2)), "conv2d6": ((3, 5), (2, 3)), "conv2d8": ((3, 3, 3), (2, 2, 2))}


def input_layers(padding_idx: int) -> Mapping[str | None, MakeInput]:
    """Table of functions that make the input layers, which add no positions; `padding_idx` is for "embed"."""

    def convolve(name: str, idim: int, odim: int, dropout_rate: float, pos_enc: Positions) -> InputLayer:
        return Conv2dSubsamplingWOPosEnc(idim, odim, dropout_rate, *CONVOLUTIONS[name])

    return {
        **{name: functools.partial(convolve, name) for name in CONVOLUTIONS},
        "linear": functools.partial(linear_input, relu=True),
        "embed": functools.partial(token_input, padding_idx=padding_idx),
        None: positions_input,
    }


class ContextualBlockEncoder(AbsEncoder):
    """Input layer, blocks with context vectors, layers, and a normalisation at the end.

    An utterance that fits into one block is encoded with full context, without context vectors.

    Args:
        input_size: F.
        output_size: D.
        embed: input layer.
        pos_enc: positional encoding of frames, and of context vectors by their blocks' numbers.
        encoders: layers, called as `layer(x, bias, None, padding)`.
        normalize_before: whether layers normalise their input, so that the last layer's output is normalised too.
        block_size: frames of a block after the input layer; 0 for a single block.
        hop_size: frames from one block to the next.
        look_ahead: frames at the end of a block that the next block outputs.
        init_average: the first context vector is the block's mean; must be True.
        ctx_pos_enc: add a positional encoding to it.

    Streams are cut into the same blocks, provided that the input layer adds no positions.

    Raises:
        ValueError: sizes that leave a block no output frames, or `init_average` False.
    """

    streams_as_whole = True
    parallel_blocks = True
    sees_all_frames = False

    def __init__(
        self,
        input_size: int,
        output_size: int,
        embed: InputLayer,
        pos_enc: Positions,
        encoders: MultiSequential,
        normalize_before: bool,
        block_size: int,
        hop_size: int,
        look_ahead: int,
        init_average: bool,
        ctx_pos_enc: bool,
    ):
        super().__init__()
        if block_size and (hop_size < 1 or look_ahead < 0 or hop_size + look_ahead > block_size):
            raise ValueError(
                f"block_size {block_size}: expected room for hop_size and look_ahead, found {hop_size} and {look_ahead}"
            )
        if block_size and not init_average:
            raise ValueError("init_average: expected True, since upstream cannot run without; found False")
        self.input_size = input_size
        self._output_size = output_size
        self.length = self.input_length = embed.length
        self.embed = embed
        self.pos_enc = pos_enc
        self.encoders = encoders
        self.normalize_before = normalize_before
        if normalize_before:
            self.after_norm = LayerNorm(output_size)
        self.block_size = block_size
        self.hop_size = max(hop_size, 1)
        self.look_ahead = look_ahead
        if not block_size:
            self.unfit = "which needs whole utterances, since block_size is 0"
        elif isinstance(embed, ConvSubsampling):
            self.blocks = Blocks(block_size, hop_size, look_ahead)
        else:
            self.unfit = "which needs whole utterances, since its input layer has no convolution"
        self.ctx_positions = pos_enc if ctx_pos_enc else NoPositionalEncoding(output_size, 0.0)

    def normalize(self, x: Tensor) -> Tensor:
        """The normalisation that ends a stack: (B, T', D) → (B, T', D)."""
        return self.after_norm(x) if self.normalize_before else x

    def forward(
        self,
        xs_pad: Tensor,
        ilens: Tensor,
        prev_states: Waiting | None = None,
        is_final: bool = True,
        infer_mode: bool = False,
    ) -> tuple[Tensor, Tensor, Waiting | None]:
        """Encode whole utterances; padding does not change an utterance's result.

        Args:
            xs_pad: (B, T, F) features, or (B, T) int64 tokens for the input layer "embed".
            ilens: (B,) int64 lengths.
            prev_states, is_final: see `forward_infer`, which `infer_mode` selects outside of training.

        Returns:
            (B, T', D), lengths (B,), None.

        Raises:
            TooShortUttError: fewer frames than the input layer needs.
        """
        if infer_mode and not self.training:
            return self.forward_infer(xs_pad, ilens, prev_states, is_final)
        return self.forward_train(xs_pad, ilens)

    def forward_infer(
        self, xs_pad: Tensor, ilens: Tensor, prev_states: Waiting | None = None, is_final: bool = True
    ) -> tuple[Tensor, Tensor, Waiting | None]:
        """Encode the next features of streams.

        Args:
            xs_pad: (B, T, F) features, any number of them.
            ilens: not used: all streams of a batch advance by the same number of frames.
            prev_states: states returned by the previous call, None at first.
            is_final: whether the streams end here.

        Returns:
            (B, T', D) complete frames, lengths (B,), and the states for the next call; None at the end.

        Raises:
            OptionError: the encoder needs whole utterances.
        """
        stream = FeatureStream(self)
        encoded, lengths, after = stream.feed(xs_pad, prev_states or stream.start(xs_pad), is_final)
        return encoded, lengths, None if is_final else after

    def forward_train(
        self, xs_pad: Tensor, ilens: Tensor, prev_states: Tensor | None = None
    ) -> tuple[Tensor, Tensor, None]:
        """Encode whole utterances; see `forward`."""
        self.check_length(xs_pad)
        x, _, olens = self.embed(xs_pad, ilens)
        size = self.block_size or x.shape[1]
        # A size that may be 1 is traced as 1, where the example is short.
        blocks = torch.sym_max(count_blocks(x.shape[1], size, self.hop_size), 2) if self.block_size else 1
        first = torch.zeros_like(olens)
        carried = x.new_zeros(x.shape[0], len(self.encoders), x.shape[2])
        encoded, _ = self.encode_blocks(x, olens, first, (blocks, size), carried)
        return self.normalize(self.join(encoded, olens, first, first, x.shape[1])), olens, None

    def embed_frames(self, features: Tensor) -> Tensor:
        return self.embed(features, full_lengths(features))[0]

    def states(self) -> tuple[State, ...]:
        """Context vectors of the last block, one for each layer."""
        axes = ("batch", len(self.encoders), self.output_size())
        return (State(SpecTensor("past_context", axes), SpecTensor("context", axes)),)

    def encode_step(self, frames: Tensor, first: Tensor, lengths: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        size, hop = self.block_size, self.hop_size
        blocks = (frames.shape[1] - size) // hop + 1
        encoded, context = self.encode_blocks(frames, lengths, first, (blocks, size), *states)
        last = first + blocks - 1
        begin = torch.where(first > 0, first * hop + self.skipped, 0)
        end = torch.where(lengths <= last * hop + size, lengths, last * hop + size - self.look_ahead)
        count = torch.where(last < 0, 0, (end - begin).clamp(min=0))
        x = self.join(encoded, lengths, first, begin, frames.shape[1])
        return self.normalize(x), count, context

    @property
    def skipped(self) -> int:
        """Frames at a block's start that the previous block outputs."""
        return self.block_size - self.look_ahead - self.hop_size

    def encode_blocks(
        self, x: Tensor, lengths: Tensor, first: Tensor, shape: tuple[int, int], carried: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Run all layers on the blocks of streams.

        Args:
            x: (B, T, D) frames without positions, from the start of block `first` on.
            lengths: (B,) frames of the whole streams, behind which x is zero.
            first: (B,) number of the first block.
            shape: N blocks of S frames.
            carried: (B, L, D) context vectors for each of L layers from the block before the first one.

        Returns:
            The blocks' frames and, behind them, context vectors (B, N, S + 1, D); `carried` for the next blocks.
        """
        blocks, size = shape
        number = first.unsqueeze(-1) + torch.arange(blocks, device=x.device)
        rows = torch.cat(self.cut(x, lengths, number, size), dim=2)
        bias, hidden = (
            mask.unsqueeze(1).expand(-1, blocks, *mask.shape[1:]).flatten(0, 1) for mask in self.masks(x, lengths, size)
        )
        starts = (number == 0).unsqueeze(-1)
        handed = []
        for layer, before in zip(self.encoders, carried.unbind(1), strict=True):
            given = rows[:, :, -1]
            handed.append(given[:, -1])
            read = torch.where(starts, given, torch.cat((before.unsqueeze(1), given[:, :-1]), dim=1))
            rows = torch.cat((read.unsqueeze(2), rows), dim=2).flatten(0, 1)
            rows = layer(rows, bias, None, hidden).unflatten(0, (-1, blocks))[:, :, 1:]
        return rows, torch.stack(handed, dim=1)

    def cut(self, x: Tensor, lengths: Tensor, number: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Cut blocks number (B, N), of S frames each, from frames x (B, T, D); see `encode_blocks`.

        Returns:
            Blocks with positions (B, N, S, D), and their initial context vectors (B, N, 1, D).
        """
        slot = torch.arange(size, device=x.device)
        place = torch.arange(number.shape[1], device=x.device).unsqueeze(-1) * self.hop_size + slot
        place = place.clamp(max=x.shape[1] - 1)
        frame = number.unsqueeze(-1) * self.hop_size + slot
        behind = (frame >= lengths.view(-1, 1, 1)).unsqueeze(-1)
        positioned = self.pos_enc(x, number[:, :1] * self.hop_size)
        plain, frames = (value[:, place].masked_fill(behind, 0.0) for value in (x, positioned))
        mean = plain.sum(dim=2) / (~behind).sum(dim=2).clamp(min=1)
        return frames, self.ctx_positions(mean, number[:, :1]).unsqueeze(2)

    def masks(self, x: Tensor, lengths: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Masks of blocks of S frames of streams of the given lengths (B,), in the dtype of x.

        A block consists of the context vector that it reads, its frames, and the context vector that it outputs. Frames
        and the latter attend to the frames and the former. In a single block, frames attend to frames alone.

        Returns:
            `attention_bias` (B, 1, S + 2, S + 2), and the positions hidden from convolutions (B, S + 2, 1), for each
            block.
        """
        slot = torch.arange(size + 2, device=x.device)
        single = (lengths <= size).unsqueeze(-1)
        outside = single & ((slot == 0) | (slot > lengths.unsqueeze(-1)))
        mask = (~outside & (slot <= size)).unsqueeze(1) & (slot > 0).unsqueeze(-1)
        return attention_bias(mask, x.dtype), outside.unsqueeze(-1)

    def join(self, x: Tensor, lengths: Tensor, first: Tensor, begin: Tensor, frames: int) -> Tensor:
        """Assemble the output: take each frame from the block that outputs it.

        Args:
            x: (B, N, S + 1, D) blocks, the first of which has the number `first` (B,).
            lengths: (B,) frames of the whole streams.
            begin: (B,) number of the first output frame.
            frames: T.

        Returns:
            (B, T, D).
        """
        blocks, size = x.shape[1], x.shape[2] - 1
        first, frame = first.unsqueeze(-1), begin.unsqueeze(-1) + torch.arange(frames, device=x.device)
        last = count_blocks(lengths, size, self.hop_size).clamp(min=1).unsqueeze(-1) - 1
        block = torch.minimum(((frame - self.skipped) // self.hop_size).clamp(min=0), last)
        block = (block - first).clamp(min=0, max=blocks - 1)
        slot = (frame - (first + block) * self.hop_size).clamp(min=0, max=size)
        index = (block * (size + 1) + slot).unsqueeze(-1).expand(-1, -1, x.shape[-1])
        return x.flatten(1, 2).gather(1, index)


def count_blocks(frames: Any, size: int, hop: int) -> Any:
    """Number of blocks of T frames, which is below 1 if they fill less than one block."""
    return (frames - size + hop - 1) // hop + 1
