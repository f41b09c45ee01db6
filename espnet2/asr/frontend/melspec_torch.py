"""Mel spectrogram with pre-emphasis, as speaker recognition uses it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, make_pad_mask, require_positive
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.layers.stft import WINDOWS, Stft
from espnet2.utils.mel_scale import mel_filters

SAMPLE_RATE = 16000  # Hz
PREEMPHASIS = 0.97
FLOOR = 1e-6  # added to energies before the logarithm
MEL_SCALES = {"htk": True, "slaney": False}
NORMALISATIONS = {None: False, "mn": True}


def preemphasised(x: Tensor, coefficients: Tensor) -> Tensor:
    """Filter samples x (B, N) with two coefficients (1, 1, 2), for the previous and the current sample; the edge is
    mirrored."""
    before = torch.arange(-1, x.shape[1] - 1, device=x.device).abs().clamp(max=x.shape[1] - 1)
    return coefficients[0, 0, 0] * x[:, before] + coefficients[0, 0, 1] * x


class MelSpectrogramTorch(AbsFrontend):
    """Mel spectrogram front end.

    Args:
        preemp: apply pre-emphasis with coefficient 0.97 first.
        n_fft, win_length, hop_length: samples, at 16 kHz.
        log: take the logarithm.
        f_min, f_max: Hz.
        n_mels: bands.
        window_fn: `hamming` or `hann`.
        mel_scale: `htk` or `slaney`; the filters' peaks are 1 on both.
        normalize: `mn` subtracts the mean over the utterance.

    Raises:
        ValueError: an unknown name, or a size below 1.
    """

    flipped_filter: Tensor

    @typechecked
    def __init__(
        self,
        preemp: bool = True,
        n_fft: int = 512,
        log: bool = False,
        win_length: int = 400,
        hop_length: int = 160,
        f_min: int = 20,
        f_max: int = 7600,
        n_mels: int = 80,
        window_fn: str = "hamming",
        mel_scale: str = "htk",
        normalize: str | None = None,
    ):
        super().__init__()
        require_positive(n_mels=n_mels)
        htk = choose("mel_scale", mel_scale, MEL_SCALES)
        choose("window_fn", window_fn, {name: WINDOWS[name] for name in ("hamming", "hann")})
        self.log, self.n_mels, self.preemp = log, n_mels, preemp
        self.centred = choose("normalize", normalize, NORMALISATIONS)
        if preemp:
            self.register_buffer("flipped_filter", torch.tensor([[[-PREEMPHASIS, 1.0]]]))
        self.transform = MelEnergies(Stft(n_fft, win_length, hop_length, window_fn), n_mels, f_min, f_max, htk)
        self.length = self.transform.stft.length

    def output_size(self) -> int:
        """Bands."""
        return self.n_mels

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Samples (B, N) and lengths (B,) to features (B, T, n_mels), zero beyond each utterance, and lengths (B,)."""
        samples = preemphasised(input, self.flipped_filter) if self.preemp else input
        features, lengths = self.transform(samples, input_lengths), self.length(input_lengths)
        features = (features + FLOOR).log() if self.log else features
        padding = make_pad_mask(lengths, features.shape[1]).unsqueeze(-1)
        features = features.masked_fill(padding, 0.0)
        if self.centred:
            mean = features.sum(dim=1, keepdim=True) / lengths[:, None, None].to(features.dtype)
            features = (features - mean).masked_fill(padding, 0.0)
        return features, lengths


class MelEnergies(nn.Module):
    """Power spectrum in mel bands; its state has the names of torchaudio's transform, which checkpoints hold."""

    def __init__(self, stft: Stft, n_mels: int, f_min: float, f_max: float, htk: bool):
        super().__init__()
        self.stft = stft
        self.spectrogram, self.mel_scale = nn.Module(), nn.Module()
        self.spectrogram.register_buffer("window", WINDOWS[str(stft.window)](stft.win_length))
        filters = mel_filters(SAMPLE_RATE, stft.n_fft, n_mels, f_min, f_max, htk, unit_area=False)
        self.mel_scale.register_buffer("fb", torch.from_numpy(filters.T.copy()))

    def forward(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """Samples (B, N) and lengths (B,) → (B, T, n_mels)."""
        return self.stft.power(self.stft.pad(samples, lengths)) @ self.mel_scale.get_buffer("fb")
