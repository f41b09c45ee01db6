"""Mean and variance normalisation with the statistics of each utterance."""

from __future__ import annotations

import torch
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import full_lengths, make_pad_mask
from espnet2.layers.abs_normalize import AbsNormalize


class UtteranceMVN(AbsNormalize):
    """Utterance normalisation: subtract the mean (`norm_means`), divide by the standard deviation (`norm_vars`)."""

    @typechecked
    def __init__(self, norm_means: bool = True, norm_vars: bool = False, eps: float = 1.0e-20):
        super().__init__()
        self.norm_means = norm_means
        self.norm_vars = norm_vars
        self.eps = eps

    def forward(
        self, input: torch.Tensor, input_lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalise (B, T, C), or samples (B, N); frames beyond `input_lengths` (B,) are zeros."""
        return utterance_mvn(input, input_lengths, self.norm_means, self.norm_vars, self.eps)


def utterance_mvn(
    x: torch.Tensor,
    ilens: torch.Tensor | None = None,
    norm_means: bool = True,
    norm_vars: bool = False,
    eps: float = 1.0e-20,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalise utterances (B, T, C), or samples (B, N), each over its `ilens` (B,) frames; later frames are zeros.

    The standard deviation is of the whole population (divided by the number of frames) and at least `eps`.
    """
    if ilens is None:
        ilens = full_lengths(x)
    features = [1] * (x.dim() - 2)
    padded = make_pad_mask(ilens, x.shape[1]).reshape(x.shape[0], x.shape[1], *features)
    count = ilens.to(x.dtype).reshape(-1, 1, *features)
    mean = x.masked_fill(padded, 0.0).sum(dim=1, keepdim=True) / count
    centred = (x - mean).masked_fill(padded, 0.0)
    output = centred if norm_means else x.masked_fill(padded, 0.0)
    if norm_vars:
        variance = centred.square().sum(dim=1, keepdim=True) / count
        constant = variance == 0  # its standard deviation has no gradient
        deviation = variance.masked_fill(constant, 1.0).sqrt().masked_fill(constant, 0.0)
        output = output / deviation.clamp(min=eps)
    return output, ilens
