"""Mask-based MVDR beamformer (Souden et al. 2010; Ochiai et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.frontends.complex_pair import Pair, diagonal, identity, inverse, loaded, plus
from espnet.nets.pytorch_backend.frontends.mask_estimator import MaskEstimator
from espnet.nets.pytorch_backend.nets_utils import require_positive

SMALLEST_SUM = 1e-15  # added to the sum of a mask
LOAD, SMALLEST_LOAD = 1e-7, 1e-8  # of the trace of the noise's matrix, and added to that
SMALLEST_TRACE = 1e-8
SMALLEST_POWER = 1e-6  # added to squares before their root
SHARPNESS = 2.0  # of the attention over channels
BEAMFORMERS = ("mvdr",)


class AttentionReference(nn.Module):
    """Attention over channels that chooses the beamformer's reference (Ochiai et al. 2017, section 3.2.2).

    Args:
        bidim: F.
        att_dim: size of the hidden layer.
    """

    def __init__(self, bidim: int, att_dim: int):
        super().__init__()
        self.mlp_psd = nn.Linear(bidim, att_dim)
        self.gvec = nn.Linear(att_dim, 1)

    def forward(self, psd_in: Pair) -> Tensor:
        """Matrices of speech (B, F, C, C) → (B, C), whose sum over C is 1."""
        others = 1.0 - identity(psd_in.real.shape[-1], psd_in.real)
        count = others.sum(-1).clamp(min=1.0)
        mean = Pair(*((part * others).sum(-1) / count for part in psd_in))
        feature = plus(mean.square(), SMALLEST_POWER).sqrt().transpose(1, 2).to(self.gvec.weight.dtype)
        return (SHARPNESS * self.gvec(torch.tanh(self.mlp_psd(feature))).squeeze(-1)).softmax(-1)


class DNN_Beamformer(nn.Module):
    """Mask-based MVDR beamformer: several channels in, one channel out.

    Args:
        bidim: F.
        btype, blayers, bunits, bprojs, dropout_rate: see `MaskEstimator`.
        bnmask: masks, of which the first is of speech and the second of noise.
        badim: size of the attention's hidden layer.
        ref_channel: the reference, counted from 0; below 0: weights of all channels, by attention.
        beamformer_type: `mvdr`.

    Raises:
        ValueError: an unknown type, fewer than two masks, or a number below 1.
    """

    def __init__(
        self,
        bidim: int,
        btype: str = "blstmp",
        blayers: int = 3,
        bunits: int = 300,
        bprojs: int = 320,
        bnmask: int = 2,
        dropout_rate: float = 0.0,
        badim: int = 320,
        ref_channel: int = -1,
        beamformer_type: str = "mvdr",
    ):
        super().__init__()
        require_positive(badim=badim)
        if beamformer_type not in BEAMFORMERS:
            raise ValueError(f"beamformer_type: expected one of {', '.join(BEAMFORMERS)}, found {beamformer_type!r}")
        if bnmask != 2:
            raise ValueError(f"bnmask: expected 2, of speech and of noise, found {bnmask}")
        self.mask = MaskEstimator(btype, bidim, blayers, bunits, bprojs, dropout_rate, bnmask)
        self.ref_channel = ref_channel
        self.ref = AttentionReference(bidim, badim) if ref_channel < 0 else None

    def forward(self, data: Pair, ilens: Tensor) -> Pair:
        """Spectra (B, F, C, T), zero beyond each utterance, and lengths (B,) → spectra (B, F, T).

        Raises `ValueError` where the reference is a channel that is not there.
        """
        wide = data.double()
        speech, noise = (spatial_correlation(wide, mask.double()) for mask in self.mask(data, ilens))
        filters = souden_filters(speech, noise, self.reference(speech).double())
        # (B, F, 1, C) times (B, F, C, T)
        rows = Pair(*(part.unsqueeze(-1) for part in filters)).adjoint()
        return Pair(*(part.squeeze(2).to(data.real.dtype) for part in rows @ wide))

    def reference(self, speech: Pair) -> Tensor:
        """Matrices of speech (B, F, C, C) → weights of channels (B, C)."""
        if self.ref is not None:
            return self.ref(speech)
        channels = speech.real.shape[-1]
        if self.ref_channel >= channels:
            raise ValueError(f"ref_channel: expected a channel below {channels}, found {self.ref_channel}")
        chosen = torch.arange(channels, device=speech.real.device) == self.ref_channel
        return chosen.to(speech.real.dtype).expand(speech.real.shape[0], -1)


def spatial_correlation(data: Pair, mask: Tensor) -> Pair:
    """Spectra (B, F, C, T), weighted with the mean of masks (B, F, C, T) over channels, → matrices (B, F, C, C)."""
    mean = mask.mean(2, keepdim=True)
    weighted = data.times(mean / plus(mean.sum(-1, keepdim=True), SMALLEST_SUM))
    return weighted @ data.adjoint()


def souden_filters(speech: Pair, noise: Pair, reference: Tensor) -> Pair:
    """Matrices (B, F, C, C) of speech and noise, and weights of channels (B, C) → filters (B, F, C): the matrix
    noise⁻¹ speech over its trace, times the weights."""
    trace = diagonal(noise).sum(-1)[..., None, None]
    ratio = inverse(loaded(noise, plus(LOAD * trace, SMALLEST_LOAD))) @ speech
    chosen = Pair(*((part * reference[:, None, None, :]).sum(-1) for part in ratio))
    total = plus(diagonal(ratio).sum(-1, keepdim=True), SMALLEST_TRACE)
    # The trace of a product of two Hermitian matrices is real, but for rounding.
    return chosen.times(1 / total)
