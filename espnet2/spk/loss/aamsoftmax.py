"""Additive angular margin (Deng et al. 2019): speakers have to be closer than they would be."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from typeguard import typechecked

from espnet2.spk.loss.abs_loss import AbsLoss


def turned(cosines: Tensor, angle: float) -> Tensor:
    """Cosines of angles that are `angle` larger."""
    sines = (1.0 - cosines.square()).clamp(0.0, 1.0).sqrt()
    return cosines * math.cos(angle) - sines * math.sin(angle)


def with_margin(cosines: Tensor, margin: float, easy: bool, behind: float) -> Tensor:
    """Cosines of angles that are `margin` larger where they stay below a half turn, and lower by `behind` elsewhere.

    Where `easy`, angles of at least a right one stay as they are.
    """
    if easy:
        return torch.where(cosines > 0, turned(cosines, margin), cosines)
    return torch.where(cosines > math.cos(math.pi - margin), turned(cosines, margin), cosines - behind)


class AAMSoftmax(AbsLoss):
    """Cross-entropy with an additive angular margin.

    Args:
        nout: D, size of the embeddings.
        nclasses: S, speakers.
        margin: angle in radians.
        scale: of the cosines.
        easy_margin: whether only angles below a right one get the margin.
        kwargs: not read.
    """

    @typechecked
    def __init__(
        self, nout: int, nclasses: int, margin: float = 0.3, scale: float = 15, easy_margin: bool = False, **kwargs: Any
    ):
        super().__init__(nout, nclasses)
        nn.init.xavier_normal_(self.weight, gain=1)
        self.margin, self.scale, self.easy_margin = margin, scale, easy_margin

    def scores(self, cosines: Tensor, label: Tensor) -> Tensor:
        """See `AbsLoss.scores`."""
        target = one_hot(label, cosines.shape[1]).bool()
        harder = with_margin(cosines, self.margin, self.easy_margin, self.margin * math.sin(math.pi - self.margin))
        return self.scale * torch.where(target, harder, cosines)
