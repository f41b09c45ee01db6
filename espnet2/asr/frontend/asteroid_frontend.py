"""Learned band passes over samples (Ravanelli and Bengio 2018), in the analytic form of Pariente et al. (2020)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import full_lengths, make_pad_mask, require_positive
from espnet.nets.pytorch_backend.pretrained.waveform import scaled_over_time
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.frontend.melspec_torch import SAMPLE_RATE, preemphasised
from espnet2.interface.spec import Length
from espnet2.utils.mel_scale import hz_to_mel, mel_to_hz

FLOOR = 1e-4  # added to the variance of an utterance
LOWEST, NARROWEST = 50.0, 50.0  # Hz, of the bands
FIRST_EDGE, LAST_EDGE = 30.0, SAMPLE_RATE / 2 - LOWEST - NARROWEST  # Hz, before training; added to the band edges


class AsteroidFrontend(AbsFrontend):
    """Logarithm of the magnitude of band-passed samples, less its mean over the utterance.

    Args:
        sinc_filters: filters, an even number: half of them are the quadrature of the other half.
        sinc_kernel_size: samples of a filter; an even number is increased by one.
        sinc_stride: samples from one frame to the next.
        preemph_coef: pre-emphasis coefficient.
        log_term: added to magnitudes.

    Raises:
        ValueError: a size below 1, or an odd number of filters.
    """

    flipped_filter: Tensor

    @typechecked
    def __init__(
        self,
        sinc_filters: int = 256,
        sinc_kernel_size: int = 251,
        sinc_stride: int = 16,
        preemph_coef: float = 0.97,
        log_term: float = 1e-6,
    ):
        super().__init__()
        require_positive(sinc_filters=sinc_filters, sinc_kernel_size=sinc_kernel_size, sinc_stride=sinc_stride)
        if sinc_filters % 2:
            raise ValueError(f"sinc_filters: expected an even number, found {sinc_filters}")
        self.sinc_filters, self.log_term = sinc_filters, log_term
        self.register_buffer("flipped_filter", torch.tensor([[[-preemph_coef, 1.0]]]))
        self.norm = nn.InstanceNorm1d(1, eps=FLOOR, affine=True)
        self.conv = nn.Module()
        self.conv.filterbank = AnalyticSincFilters(sinc_filters, sinc_kernel_size // 2)
        self.stride = sinc_stride
        self.length = Length.conv(2 * (sinc_kernel_size // 2) + 1, sinc_stride)

    def output_size(self) -> int:
        """Filters."""
        return self.sinc_filters

    def forward(self, input: Tensor, input_lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Samples (B, N) and lengths (B,) to features (B, T, C), zero beyond each utterance, and lengths (B,)."""
        samples = preemphasised(input, self.flipped_filter).unsqueeze(1)
        samples_lengths = full_lengths(input) if input_lengths is None else input_lengths
        scaled = scaled_over_time(samples, samples_lengths, FLOOR) * self.norm.weight + self.norm.bias
        filtered = nn.functional.conv1d(scaled, self.conv.get_submodule("filterbank")(), stride=self.stride)
        features, lengths = (filtered.abs() + self.log_term).log().transpose(1, 2), self.length(samples_lengths)
        padding = make_pad_mask(lengths, features.shape[1]).unsqueeze(-1)
        mean = features.masked_fill(padding, 0.0).sum(dim=1, keepdim=True) / lengths[:, None, None].to(features.dtype)
        return (features - mean).masked_fill(padding, 0.0), lengths


class AnalyticSincFilters(nn.Module):
    """Band passes and their quadrature, of 2 `reach` + 1 samples; parameters are the bands' edges in Hz.

    Names of parameters and buffers are those of package asteroid_filterbanks, which checkpoints hold.
    """

    window_: Tensor
    n_: Tensor

    def __init__(self, filters: int, reach: int):
        super().__init__()
        mel = np.linspace(hz_to_mel(FIRST_EDGE, htk=True), hz_to_mel(LAST_EDGE, htk=True), filters // 2 + 1)
        edges = torch.from_numpy(mel_to_hz(mel, htk=True)).float()
        self.low_hz_ = nn.Parameter(edges[:-1, None])
        self.band_hz_ = nn.Parameter(edges.diff()[:, None])
        self.register_buffer("window_", torch.hamming_window(2 * reach + 1, periodic=False)[:reach])
        self.register_buffer("n_", 2 * math.pi * torch.arange(-reach, 0.0)[None] / SAMPLE_RATE)

    def forward(self) -> Tensor:
        """(C, 1, 2 reach + 1)."""
        low = LOWEST + self.low_hz_.abs()
        high = (low + NARROWEST + self.band_hz_.abs()).clamp(LOWEST, SAMPLE_RATE / 2)
        width = 2 * (high - low)
        window = 2 * self.window_ / self.n_ / width
        even = (torch.sin(high * self.n_) - torch.sin(low * self.n_)) * window
        odd = (torch.cos(low * self.n_) - torch.cos(high * self.n_)) * window
        one = torch.ones_like(width)
        bands = torch.cat([even, one, even.flip(1)], dim=1)
        return torch.cat([bands, torch.cat([odd, 0 * one, -odd.flip(1)], dim=1)]).unsqueeze(1)
