"""A stream of frames in blocks, however it comes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


class FrameBlocks:
    """Gives the new frames of each block as soon as all of them are there.

    Args:
        size, hop, look_ahead: Frames. The first block gives `size - look_ahead` frames, each of the following `hop`
            more; at the end of the stream a last one gives the rest.

    Raises:
        ValueError: Blocks that do not go on.
    """

    def __init__(self, size: int, hop: int, look_ahead: int) -> None:
        if hop < 1 or not 0 <= look_ahead < size:
            raise ValueError(
                "block_size, hop_size and look_ahead: expected a hop of at least 1 and a look-ahead below the size, "
                f"found {size}, {hop} and {look_ahead}"
            )
        self._hop = hop
        self._due = size - look_ahead
        self._waiting: list[np.ndarray] = []
        self._count = 0

    def __call__(self, x: np.ndarray) -> Iterator[np.ndarray]:
        """The blocks (T', D) that are complete with the new frames x (T, D)."""
        self._waiting.append(x)
        self._count += len(x)
        while self._due <= self._count:
            waiting = np.concatenate(self._waiting)
            block, rest = waiting[: self._due], waiting[self._due :]
            self._waiting, self._count, self._due = [rest], len(rest), self._hop
            yield block

    def rest(self) -> np.ndarray:
        """The frames (T', D) that no block has given; T' may be 0."""
        return np.concatenate(self._waiting) if self._waiting else np.zeros((0, 0), np.float32)
