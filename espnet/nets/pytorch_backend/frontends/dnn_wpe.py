"""Dereverberation by weighted prediction error (Nakatani et al. 2010), with power from a network (Kinoshita et al.
2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.frontends.complex_pair import Pair, diagonal, loaded, plus, solve_blocks
from espnet.nets.pytorch_backend.frontends.mask_estimator import MaskEstimator
from espnet.nets.pytorch_backend.nets_utils import make_non_pad_mask, require_positive

SMALLEST_POWER = 1e-6
LOAD = 1e-10  # added to the diagonal of the correlation matrix
SHARE = (
    1e-9  # of its trace, added as well: more than rounding, where frames are fewer than filter taps, or channels alike
)
PLAIN_ITERATIONS = 2  # without masks; the second uses the power of the first one's output


class DNN_WPE(nn.Module):
    """Dereverberation that subtracts from each frame its prediction from earlier frames.

    Args:
        wtype, widim, wlayers, wunits, wprojs, dropout_rate: see `MaskEstimator`.
        taps: number of earlier frames used for the prediction.
        delay: frames between the last of these and the predicted frame.
        use_dnn_mask: take the power of masked spectra, rather than that of whole spectra in two iterations.

    Raises:
        ValueError: a number below 1.
    """

    def __init__(
        self,
        wtype: str = "blstmp",
        widim: int = 257,
        wlayers: int = 3,
        wunits: int = 300,
        wprojs: int = 320,
        dropout_rate: float = 0.0,
        taps: int = 5,
        delay: int = 3,
        use_dnn_mask: bool = True,
    ):
        super().__init__()
        require_positive(taps=taps, delay=delay)
        self.taps, self.delay = taps, delay
        estimator = MaskEstimator(wtype, widim, wlayers, wunits, wprojs, dropout_rate) if use_dnn_mask else None
        self.mask_est = estimator

    def forward(self, data: Pair, ilens: Tensor) -> Pair:
        """Spectra (B, F, C, T), zero beyond each utterance, and lengths (B,) → spectra, zero there, too."""
        if self.mask_est is not None:
            (mask,) = self.mask_est(data, ilens)
            return self.dereverberated(data, (data.square() * mask).mean(2), ilens)
        result = data
        for _ in range(PLAIN_ITERATIONS):
            result = self.dereverberated(data, result.square().mean(2), ilens)
        return result

    def dereverberated(self, data: Pair, power: Tensor, ilens: Tensor) -> Pair:
        """Subtract the prediction from spectra (B, F, C, T) of lengths (B,); errors have weight 1 / power (B, F, T)."""
        wide = data.double()
        lags = range(self.delay, self.delay + self.taps)
        # (B, F, K, C, T): K frames before each one, the latest first.
        past = Pair(*(torch.stack([_delayed(part, lag) for lag in lags], dim=2) for part in wide))
        flat = Pair(*(part.flatten(2, 3) for part in past))
        # The first frames, which lack some of those before them, do not count.
        real = make_non_pad_mask(ilens, power.shape[-1]).unsqueeze(1)
        known = real & (torch.arange(power.shape[-1], device=power.device) >= self.delay + self.taps - 1)
        weight = known / power.double().clamp(min=SMALLEST_POWER)
        weighted = flat.times(weight.unsqueeze(2))
        shape = past.real.shape[2:4]
        correlation = weighted @ flat.adjoint()
        load = plus(SHARE * diagonal(correlation).sum(-1)[..., None, None], LOAD)
        correlation = loaded(correlation, load)
        matrix = Pair(*(part.unflatten(3, shape).unflatten(2, shape) for part in correlation))
        right = Pair(*(part.unflatten(2, shape) for part in weighted @ wide.adjoint()))
        filters = Pair(*(part.flatten(2, 3) for part in solve_blocks(matrix, right, load)))
        result = wide.minus(filters.adjoint() @ flat).times(real.unsqueeze(1).double())
        return Pair(result.real.to(data.real.dtype), result.imag.to(data.real.dtype))


def _delayed(x: Tensor, frames: int) -> Tensor:
    """x (..., T), `frames` later, with zeros before."""
    return nn.functional.pad(x, (frames, 0))[..., : x.shape[-1]]
