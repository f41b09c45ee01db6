"""Features of Whisper (Radford et al. 2022, section 2.2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet2.interface.spec import Length
from espnet2.layers.log_mel import ENERGY_FLOOR
from espnet2.layers.stft import Stft
from espnet2.utils.mel_scale import mel_filters

SAMPLE_RATE = 16000  # Hz
WINDOW, HOP = 400, 160  # 25 ms and 10 ms
SECONDS = 30  # length of the model's training segments
DECADES = 8.0  # floor of features below the maximum: 80 dB


class WhisperLogMel(nn.Module):
    """Whisper's log-mel features, limited to 80 dB below the utterance's maximum, and scaled to about -1 to 1.

    Args:
        n_mels: F.
        window: pad or cut every utterance to 30 s.
    """

    filters: Tensor

    def __init__(self, n_mels: int, window: bool = False):
        super().__init__()
        self.length = Length(((0, HOP, 0),))
        self.samples = SECONDS * SAMPLE_RATE if window else None
        self.stft = Stft(WINDOW, WINDOW, HOP)
        filters = mel_filters(SAMPLE_RATE, WINDOW, n_mels, 0.0, SAMPLE_RATE / 2)
        self.register_buffer("filters", torch.from_numpy(filters.T.copy()), persistent=False)

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Samples (B, N), lengths (B,) → (B, T, F), zero behind each utterance, and lengths (B,)."""
        if self.samples is not None:
            samples = samples.masked_fill(make_pad_mask(lengths, samples.shape[1]), 0.0)
            samples = pad(samples, (0, self.samples))[:, : self.samples]
            lengths = torch.full_like(lengths, self.samples)
        power = self.stft.power(self.stft.pad(samples, lengths))[:, :-1]  # half of the last window is outside
        frames = self.length(lengths)
        padding = make_pad_mask(frames, power.shape[1]).unsqueeze(-1)
        features = torch.log10((power @ self.filters).clamp(min=ENERGY_FLOOR))
        loudest = features.masked_fill(padding, -math.inf).amax(dim=(1, 2), keepdim=True)
        return ((torch.maximum(features, loudest - DECADES) + 4.0) / 4.0).masked_fill(padding, 0.0), frames
