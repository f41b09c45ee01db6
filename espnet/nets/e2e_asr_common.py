"""End detection: when a beam search that has no length limit may stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_M = 3
_D_END = -10.0  # in nats: the best is 22026 times as probable


def end_detect(ended_hyps: Sequence[Mapping[str, Any]], i: int, M: int = _M, D_end: float = _D_END) -> bool:
    """Whether no hypothesis that ended lately can become the best.

    S. Watanabe et al., "Hybrid CTC/attention architecture for end-to-end speech recognition", 2017, Eq. (50): True when
    for each of the `M` lengths up to `i` the best ended hypothesis of that length is more than `-D_end` below the best.

    Args:
        ended_hyps: Ended hypotheses as dicts with `score` and `yseq`.
        i: Length that was reached.
        M: Number of lengths looked at.
        D_end: Difference of log-probabilities, negative.
    """
    if not ended_hyps:
        return False
    best = max(hyp["score"] for hyp in ended_hyps)
    best_of_length: dict[int, float] = {}
    for hyp in ended_hyps:
        length = len(hyp["yseq"])
        best_of_length[length] = max(hyp["score"], best_of_length.get(length, hyp["score"]))
    return all(best_of_length.get(i - m, best) - best < D_end for m in range(M))
