"""Angular margin with sub-centres (Deng et al. 2020) and a penalty for close other speakers (Zhao et al. 2021)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from typeguard import typechecked

from espnet2.spk.loss.aamsoftmax import turned, with_margin
from espnet2.spk.loss.abs_loss import AbsLoss

FULL_MARGIN = 0.2  # of which the penalty has its full size
NO_MARGIN = 0.001  # below which there is no penalty


class ArcMarginProduct_intertopk_subcenter(AbsLoss):
    """Cross-entropy with an additive angular margin, where each speaker has several directions.

    As in upstream, there is no penalty before `update` is called.

    Args:
        nout: D, size of the embeddings.
        nclasses: S, speakers.
        scale: of the cosines.
        margin: angle in radians.
        easy_margin: whether only angles below a right one get the margin.
        K: directions of a speaker, of which the closest counts.
        mp: angle by which the closest other speakers come closer, at a margin of 0.2.
        k_top: how many of them.
        do_lm: leave the penalty out.
    """

    @typechecked
    def __init__(
        self,
        nout: int,
        nclasses: int,
        scale: float = 32.0,
        margin: float = 0.2,
        easy_margin: bool = False,
        K: int = 3,
        mp: float = 0.06,
        k_top: int = 5,
        do_lm: bool = False,
    ):
        super().__init__(nout, nclasses * K)
        nn.init.xavier_uniform_(self.weight)
        self.scale, self.margin, self.easy_margin, self.K = scale, margin, easy_margin, K
        self.mp, self.k_top = (0.0, 0) if do_lm else (mp, min(k_top, nclasses - 1))
        self.penalty = 0.0

    def update(self, margin: float = 0.2) -> None:
        """Set the margin, and the penalty that goes with it."""
        self.margin = margin
        self.penalty = self.mp * margin / FULL_MARGIN if margin > NO_MARGIN else 0.0

    @property
    def classes(self) -> int:
        """See `AbsLoss.classes`."""
        return self.weight.shape[0] // self.K

    def cosines(self, input: Tensor) -> Tensor:
        """See `AbsLoss.cosines`."""
        return super().cosines(input).unflatten(1, (-1, self.K)).amax(dim=2)

    def scores(self, cosines: Tensor, label: Tensor) -> Tensor:
        """See `AbsLoss.scores`."""
        target = one_hot(label, cosines.shape[1])
        harder = with_margin(cosines, self.margin, self.easy_margin, 1.0 + math.cos(math.pi - self.margin))
        closest = (cosines - 2 * target).topk(self.k_top, dim=1).indices
        others = torch.where(
            torch.zeros_like(target).scatter(1, closest, 1).bool(), turned(cosines, -self.penalty), cosines
        )
        return self.scale * torch.where(target.bool(), harder, others)
