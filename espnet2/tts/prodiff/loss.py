"""Losses of ProDiff (Huang et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet2.tts.fastspeech2.loss import FastSpeech2Loss

SIGMA = 1.5  # of the window, in frames and bins
STABILISERS = (0.01**2, 0.03**2)  # of means and of variances, for values around 1


def gaussian(window_size: int, sigma: float) -> Tensor:
    """A Gaussian window (window_size,) whose sum is 1."""
    places = torch.arange(window_size) - window_size // 2
    window = torch.exp(-(places**2) / (2 * sigma**2))
    return window / window.sum()


class SSimLoss(nn.Module):
    """One minus the structural similarity (Wang et al. 2004) of features as pictures.

    Args:
        bias: added to all features, so that most are positive.
        window_size: frames, and bins, that are compared at a time, odd.
        channels: of the pictures, 1.
        reduction: "mean" over all frames; otherwise over those whose target is not all zeros.
    """

    def __init__(self, bias: float = 6.0, window_size: int = 11, channels: int = 1, reduction: str = "none"):
        super().__init__()
        self.bias = bias
        self.padding = same_padding(window_size)
        self.channels = channels
        self.average = reduction == "mean"
        window = gaussian(window_size, SIGMA)
        square = torch.outer(window, window).expand(channels, 1, -1, -1).contiguous()
        self.register_buffer("window", square, persistent=False)

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Predicted and real features (B, T, F) → the loss ()."""
        similarity = self.ssim(outputs.unsqueeze(1) + self.bias, target.unsqueeze(1) + self.bias)
        if self.average:
            return 1 - similarity
        real = (target.abs().sum(dim=-1) != 0).to(target.dtype).unsqueeze(-1)
        return ((1 - similarity.squeeze(1)) * real).sum() / (real.sum() * target.shape[-1])

    def ssim(self, tensor1: Tensor, tensor2: Tensor) -> Tensor:
        """Similarity of pictures (B, C, T, F) at each place, of the same shape, or with "mean" its mean ()."""
        mean1, mean2 = self._smooth(tensor1), self._smooth(tensor2)
        variance1 = self._smooth(tensor1 * tensor1) - mean1**2
        variance2 = self._smooth(tensor2 * tensor2) - mean2**2
        covariance = self._smooth(tensor1 * tensor2) - mean1 * mean2
        of_means, of_variances = STABILISERS
        luminance = (2 * mean1 * mean2 + of_means) / (mean1**2 + mean2**2 + of_means)
        structure = (2 * covariance + of_variances) / (variance1 + variance2 + of_variances)
        similarity = luminance * structure
        return similarity.mean() if self.average else similarity

    def _smooth(self, picture: Tensor) -> Tensor:
        return conv2d(picture, self.get_buffer("window"), padding=self.padding, groups=self.channels)


class ProDiffLoss(FastSpeech2Loss):
    """The losses of FastSpeech 2, and structural similarity of features; the options are those of `FastSpeech2Loss`."""

    def __init__(self, use_masking: bool = True, use_weighted_masking: bool = False):
        super().__init__(use_masking, use_weighted_masking)
        self.ssim_criterion = SSimLoss()

    def forward(  # type: ignore[override]
        self,
        after_outs: Tensor | None,
        before_outs: Tensor,
        d_outs: Tensor,
        p_outs: Tensor,
        e_outs: Tensor,
        ys: Tensor,
        ds: Tensor,
        ps: Tensor,
        es: Tensor,
        ilens: Tensor,
        olens: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The losses of features, of their structure, of durations, pitch and energy; arguments as before."""
        features, *others = super().forward(
            after_outs, before_outs, d_outs, p_outs, e_outs, ys, ds, ps, es, ilens, olens
        )
        duration, pitch, energy = others
        return features, self.ssim_criterion(before_outs, ys), duration, pitch, energy
