"""The interface of language models that ESPnet 1 had; scripts derive from it."""

from __future__ import annotations

from typing import Any

from espnet.nets.scorer_interface import ScorerInterface


class LMInterface(ScorerInterface):
    """A scorer that can be trained: `forward` is what a model of one's own defines besides `score`."""

    def forward(self, x: Any, t: Any) -> Any:
        """The loss of tokens x (B, U), after each of which t (B, U) follow."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")
