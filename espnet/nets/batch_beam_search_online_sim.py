"""The search over a stream, on an utterance whose frames are all there."""

from __future__ import annotations

import copy

import numpy as np

from espnet.nets.batch_beam_search_online import BatchBeamSearchOnline
from espnet.nets.beam_search import BatchHypothesis, Hypothesis


class BatchBeamSearchOnlineSim(BatchBeamSearchOnline):
    """`BatchBeamSearchOnline` that is given whole utterances: what a stream would make of each of them.

    The last block has what an encoder's last block has: all frames from where a whole block of them, with its
    look-ahead, is no longer followed by another frame. Where a token that the text has already made the search wait,
    the first step in the next block is taken even if it gives one again.
    """

    def set_block_size(self, block_size: int) -> None:
        """Set the frames of a block."""
        self.block_size = block_size

    def set_hop_size(self, hop_size: int) -> None:
        """Set the frames from a block to the next."""
        self.hop_size = hop_size

    def set_look_ahead(self, look_ahead: int) -> None:
        """Set the frames at the end of a block that the search does not see."""
        self.look_ahead = look_ahead

    def forward(
        self, x: np.ndarray, maxlenratio: float = 0.0, minlenratio: float = 0.0, is_final: bool = True
    ) -> list[Hypothesis]:
        """The n-best hypotheses for encoder output x (T, D), best first; `is_final` is there for streams."""
        ends = range(self.block_size - self.look_ahead, len(x), self.hop_size)
        shown = max((end for number, end in enumerate(ends) if not number or end + self.look_ahead < len(x)), default=0)
        stream = copy.copy(self)  # of this utterance alone, since threads may share the search
        stream.reset()
        super(BatchBeamSearchOnlineSim, stream).forward(x[:shown], maxlenratio, minlenratio, is_final=False)
        return stream._conclude(x[shown:], maxlenratio, minlenratio)

    def reset(self) -> None:
        """Begin another utterance."""
        super().reset()
        self._waited = False

    def _stops(self, best: BatchHypothesis, ends: np.ndarray) -> bool:
        repeats = not self._waited and self._repeats(best.yseq[~ends])
        stops = bool(ends.any()) or repeats
        self._waited = stops and (self._waited or repeats)
        return stops
