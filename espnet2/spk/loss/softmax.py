"""Cross-entropy of cosines (Wang et al. 2017)."""

from __future__ import annotations

from torch import Tensor, nn
from typeguard import typechecked

from espnet2.spk.loss.abs_loss import AbsLoss


class Softmax(AbsLoss):
    """Cross-entropy of the cosines of embeddings of size `nout` with `nclasses` speakers."""

    @typechecked
    def __init__(self, nout: int, nclasses: int):
        super().__init__(nout, nclasses)
        nn.init.xavier_normal_(self.weight)

    def scores(self, cosines: Tensor, label: Tensor) -> Tensor:
        """See `AbsLoss.scores`."""
        return cosines
