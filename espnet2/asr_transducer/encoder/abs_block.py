"""Base class of blocks of the stand-alone transducer's encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from espnet2.interface.spec import Length


class AbsBlock(nn.Module, ABC):
    """Block that encodes whole utterances, or a stream chunk by chunk.

    Attributes:
        length: output frames as a formula of input frames.
        droppable: whether stochastic depth may skip the block.
    """

    length: Length = Length()
    droppable: bool = True

    def forward(self, x: Tensor, pos_enc: Tensor, bias: Tensor, padding: Tensor) -> Tensor:
        """Encode whole utterances, as one step without caches.

        Args:
            x: (B, T, D).
            pos_enc: (1 or B, 2T-1, P), encodings of the relative positions T-1 down to -(T-1).
            bias: (B, 1, 1 or T, T), `attention_bias` of visible frames.
            padding: (B, T, 1) bool, True at padded frames.

        Returns:
            (B, T', D').
        """
        return self.step(x, pos_enc, bias, padding, 0)[0]

    def positions(self, pos_enc: Tensor, padding: Tensor) -> Tensor:
        """Positional encodings for the next block, given those of this one (1 or B, L+2T-1, P) and padding (B, T,
        1)."""
        return pos_enc

    @abstractmethod
    def caches(self, left_context: int) -> tuple[tuple[int, int], ...]:
        """Frames and channels of each cache (B, frames, channels) of `step`, zeros at the start of a stream."""

    @abstractmethod
    def step(
        self, x: Tensor, pos_enc: Tensor, bias: Tensor, padding: Tensor, right: int, *caches: Tensor
    ) -> tuple[Tensor, ...]:
        """Encode the next chunk of each of B streams.

        Args:
            x: (B, C + right, D), the chunk and its look-ahead frames, with which the next chunk begins.
            pos_enc: (1 or B, L+2T-1, P) with T = C + right, relative positions L+T-1 down to -(T-1), L being the
                left context.
            bias: (B, 1, 1 or T, L+T), `attention_bias` of visible frames of the left context and of x.
            padding: (B, T, 1) bool, True at frames of x after the stream's end.
            right: look-ahead frames of x, which are not cached.
            caches: input before x, the latest last, as in `caches`; none if x are whole utterances.

        Returns:
            (B, T', D'), and the next caches.
        """


def keep_last(cache: Tensor, x: Tensor, right: int) -> tuple[Tensor, Tensor]:
    """Return a chunk with its left context, and the cache for the next chunk.

    Args:
        cache: (B, N, D), input before the chunk.
        x: (B, C + right, D).
        right: look-ahead frames of x.

    Returns:
        (B, N + C + right, D), and the last N frames (B, N, D) before the look-ahead.
    """
    seen = x if cache.shape[1] == 0 else torch.cat((cache, x), dim=1)
    end = seen.shape[1] - right
    return seen, seen[:, end - cache.shape[1] : end]
