"""Ended hypotheses of a search in a graph: a list of fixed size for each utterance, and when no better can come.

Shapes: B utterances, N ended hypotheses of each, K new ones, U tokens of the longest text.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from espnet.nets.pytorch_backend.graph_search.loops import rows_of

# Of `espnet.nets.e2e_asr_common.end_detect`, which looks at hypotheses of the pass and of two before it by their
# lengths, start and end symbols counted: those that ended two to four passes before.
LOOKED_AT, PASSES = 3, 5
MARGIN = -10.0


class Ended(NamedTuple):
    """Ended hypotheses, best first: texts (B, N, U), lengths, scores and ranks (B, N), -inf where there is none; the
    best score (B,), and that of those that ended in each of the last passes, (B, PASSES), inf where none did."""

    text: Tensor
    length: Tensor
    score: Tensor
    rank: Tensor
    best: Tensor
    recent: Tensor

    @classmethod
    def none(cls, batch: int, nbest: int, longest: int, like: Tensor) -> Ended:
        """Empty lists of `nbest` hypotheses, of texts up to `longest` tokens, on the device of `like`."""

        def full(*shape: int, value: float = -torch.inf) -> Tensor:
            return torch.full(shape, value, dtype=torch.float64, device=like.device)

        text = torch.zeros(batch, nbest, longest, dtype=torch.int64, device=like.device)
        length = torch.zeros(batch, nbest, dtype=torch.int64, device=like.device)
        return cls(
            text, length, full(batch, nbest), full(batch, nbest), full(batch), full(batch, PASSES, value=torch.inf)
        )

    def extended(self, text: Tensor, length: Tensor, score: Tensor, is_normalized: Tensor) -> Ended:
        """The lists with those that end in a pass.

        Args:
            text: (B, K, U) int64.
            length: (B, K) int64.
            score: (B, K) float64, -inf for those that do not end.
            is_normalized: (1, 1) or (B, 1) bool, whether rank is score per token, the end symbol among them.
        """
        rank, place = torch.cat((self.rank, torch.where(is_normalized, score / (length + 1), score)), dim=1).topk(
            self.rank.shape[1]
        )
        best = score.amax(dim=1)
        latest = torch.where(best > -torch.inf, best, torch.inf).unsqueeze(1)
        return Ended(
            rows_of(torch.cat((self.text, text), dim=1), place),
            torch.cat((self.length, length), dim=1).gather(1, place),
            torch.cat((self.score, score), dim=1).gather(1, place),
            rank,
            torch.maximum(self.best, best),
            torch.cat((self.recent[:, 1:], latest), dim=1),
        )

    def is_complete(self) -> Tensor:
        """Whether no hypothesis that ended lately can become the best, (B,) bool.

        S. Watanabe et al., "Hybrid CTC/attention architecture for end-to-end speech recognition", 2017, Eq. (50).
        """
        return (self.recent[:, :LOOKED_AT] < self.best.unsqueeze(1) + MARGIN).all(dim=1)
