"""What every block of the stand-alone transducer's encoder is."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from espnet2.interface.spec import Length


class AbsBlock(nn.Module, ABC):
    """A layer that reads whole utterances, or a stream chunk by chunk.

    Attributes:
        length: frames that it gives as a formula of frames that it reads.
        droppable: whether the stack works without it.
    """

    length: Length = Length()
    droppable: bool = True

    def forward(self, x: Tensor, pos_enc: Tensor, bias: Tensor, padding: Tensor) -> Tensor:
        """Encode whole utterances: a step without caches.

        Args:
            x: (B, T, D).
            pos_enc: (1 or B, 2T-1, P), encodings of the relative positions T-1 down to -(T-1).
            bias: (B, 1, 1 or T, T), `attention_bias` of what may be seen.
            padding: (B, T, 1) bool, True at padded frames.

        Returns:
            (B, T', D').
        """
        return self.step(x, pos_enc, bias, padding, 0)[0]

    def positions(self, pos_enc: Tensor, padding: Tensor) -> Tensor:
        """The encodings for the next block, where this one read pos_enc (1 or B, L+2T-1, P) and padding (B, T, 1)."""
        return pos_enc

    @abstractmethod
    def caches(self, left_context: int) -> tuple[tuple[int, int], ...]:
        """Frames and channels of each cache (B, frames, channels) of `step`; zeros where a stream begins."""

    @abstractmethod
    def step(
        self, x: Tensor, pos_enc: Tensor, bias: Tensor, padding: Tensor, right: int, *caches: Tensor
    ) -> tuple[Tensor, ...]:
        """Encode the next chunk of each of B streams.

        Args:
            x: (B, C + right, D), the chunk and the frames that are looked ahead at, which the next chunk begins with.
            pos_enc: (1 or B, L+2T-1, P) with T = C + right, relative positions L+T-1 down to -(T-1), L being the
                left context.
            bias: (B, 1, 1 or T, L+T), `attention_bias` of what may be seen of the left context and of x.
            padding: (B, T, 1) bool, True at frames of x behind the stream's end.
            right: frames of x that are looked ahead at; caches hold none of them.
            caches: those of `caches`, what came before x, the latest last; none where x are whole utterances.

        Returns:
            (B, T', D'), and the next caches.
        """


def keep_last(cache: Tensor, x: Tensor, right: int) -> tuple[Tensor, Tensor]:
    """What a chunk sees, and the cache for the next one.

    Args:
        cache: (B, N, D), what came before the chunk.
        x: (B, C + right, D).
        right: frames of x that are looked ahead at.

    Returns:
        (B, N + C + right, D), and the last N frames (B, N, D) before those that are looked ahead at.
    """
    seen = x if cache.shape[1] == 0 else torch.cat((cache, x), dim=1)
    end = seen.shape[1] - right
    return seen, seen[:, end - cache.shape[1] : end]
