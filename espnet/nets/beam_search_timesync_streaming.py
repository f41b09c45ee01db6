"""Time-synchronous joint search over a stream, with the interface of upstream's class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from espnet.nets.beam_search import Hypothesis
from espnet.nets.beam_search_timesync import BeamSearchTimeSyncOnline
from espnet.nets.tensors import answers_in_kind


class BeamSearchTimeSyncStreaming(BeamSearchTimeSyncOnline):
    """`BeamSearchTimeSync` for a stream whose encoder output comes in pieces.

    Scorers have the frames of the pieces so far.

    Args:
        hold_n: 0; upstream's other values are not supported.
        others: those of `BeamSearchTimeSync`.

    Raises:
        ValueError: An option has a value that is not allowed.
    """

    def __init__(
        self,
        sos: int,
        beam_size: int,
        scorers: Mapping[str, Any],
        weights: Mapping[str, float],
        token_list: Sequence[str] | None = None,
        pre_beam_ratio: float = 1.5,
        blank: int = 0,
        hold_n: int = 0,
    ) -> None:
        if hold_n:
            raise ValueError(f"hold_n: expected 0, found {hold_n}")
        super().__init__(sos, beam_size, scorers, weights, token_list, pre_beam_ratio, blank)

    @answers_in_kind
    def __call__(
        self,
        x: Any,
        maxlenratio: float = 0.0,
        minlenratio: float = 0.0,
        start_idx: int = 0,
        is_final: bool = False,
        incremental_decode: bool = False,
    ) -> list[Hypothesis]:
        """The hypotheses in the beam after the frames x (T, D), best first.

        Args:
            x: The next frames.
            start_idx: Frames at the beginning of x that were there before.
            is_final: The stream ends with these, and the next call begins another.
            maxlenratio, minlenratio, incremental_decode: Without effect.
        """
        if len(x) > start_idx:
            self._advance(x[start_idx:])
        found = self._so_far()
        if is_final:
            self.reset()
        return found
