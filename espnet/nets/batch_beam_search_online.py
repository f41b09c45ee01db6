"""Label-synchronous beam search over a stream of encoder frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from espnet.nets.batch_beam_search import BatchBeamSearch, Hypothesis


class BatchBeamSearchOnline(BatchBeamSearch):
    """`BatchBeamSearch` for a stream whose encoder output comes in pieces."""

    def __init__(
        self, *args: Any, block_size: int = 40, hop_size: int = 16, look_ahead: int = 16, **keywords: Any
    ) -> None:
        super().__init__(*args, **keywords)
        self.block_size, self.hop_size, self.look_ahead = block_size, hop_size, look_ahead
        self.reset()

    def reset(self) -> None:
        """Begin another stream."""
        self._heard: list[np.ndarray] = []

    def __call__(
        self, x: np.ndarray, maxlenratio: float = 0.0, minlenratio: float = 0.0, is_final: bool = True
    ) -> list[Hypothesis]:
        """The hypotheses for all frames up to the T new ones x (T, D), best first."""
        self._heard.append(x)
        return self.forward(np.concatenate(self._heard), maxlenratio, minlenratio) if is_final else []
