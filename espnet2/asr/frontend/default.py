"""The default front end: short-time Fourier transform, power, log-mel features."""

from __future__ import annotations

import inspect

import torch
from typeguard import typechecked

from espnet.nets.pytorch_backend.frontends.complex_pair import Pair
from espnet.nets.pytorch_backend.frontends.frontend import Frontend
from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet2.asr.frontend.abs_frontend import AbsFrontend, Framing
from espnet2.interface.spec import Length
from espnet2.layers.frequency import parse_frequency
from espnet2.layers.log_mel import LogMel
from espnet2.layers.stft import Stft

ENHANCEMENT = ("use_wpe", "use_beamformer")
CHANNELS = "channels"  # channel axis of recordings that are enhanced


class DefaultFrontend(AbsFrontend):
    """Log-mel features. `fs`, `fmin`, `fmax` are in Hz; `n_fft`, `win_length`, `hop_length` in samples.

    With `use_wpe` or `use_beamformer` in `frontend_conf`, whose keys are those of
    `espnet.nets.pytorch_backend.frontends.frontend.Frontend`, recordings of several channels are enhanced first. With
    `apply_stft` False the input is a spectrum already, (B, T, F, 2) with real and imaginary parts. Raises `ValueError`
    for `onesided` False, whose spectrum the mel filters do not fit, and for unknown keys.
    """

    frontend_type = "default"

    @typechecked
    def __init__(
        self,
        fs: int | str = 16000,
        n_fft: int = 512,
        win_length: int | None = None,
        hop_length: int = 128,
        window: str | None = "hann",
        center: bool = True,
        normalized: bool = False,
        onesided: bool = True,
        n_mels: int = 80,
        fmin: int | None = None,
        fmax: int | None = None,
        htk: bool = False,
        frontend_conf: dict | None = None,
        apply_stft: bool = True,
    ):
        super().__init__()
        if not onesided:
            raise ValueError("onesided: expected true, found false, whose spectrum the mel filters do not fit")
        self.fs = parse_frequency(fs)
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.apply_stft = apply_stft
        self.stft = Stft(n_fft, win_length, hop_length, window, center, normalized, onesided) if apply_stft else None
        self.frontend = _enhancement(frontend_conf or {}, n_fft // 2 + 1)
        self.logmel = LogMel(self.fs, n_fft, n_mels, fmin, fmax, htk)
        self.length = self.stft.length if self.stft is not None else Length()
        if self.stft is not None and self.frontend is None:
            self.framing = Framing(n_fft, hop_length, self.stft.padding)
        channels = () if self.frontend is None else (CHANNELS,)
        self.least_channels = 1 if self.frontend is None else self.frontend.least_channels
        self.reads = ("samples", *channels) if apply_stft else ("frames", *channels, n_fft // 2 + 1, 2)

    def output_size(self) -> int:
        return self.n_mels

    def forward(self, input: torch.Tensor, input_lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples (B, N) and lengths (B,) to features (B, T, n_mels), zero beyond each utterance, and lengths (B,).

        Enhancement reads all channels of (B, N, channels). Without it, the first one is used, in training a random one.
        """
        if self.frontend is not None and input.dim() == 1 + len(self.reads):
            return self._enhanced(self.frontend, input, input_lengths)
        input = self._one_channel(input)
        if self.stft is None:
            return self.logmel(input.square().sum(dim=-1), input_lengths)
        power = self.stft.power(self.stft.pad(input, input_lengths))
        return self.logmel(power, self.length(input_lengths))

    def _enhanced(
        self, frontend: Frontend, input: torch.Tensor, input_lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`forward` with enhancement: samples (B, N, C), or spectra (B, T, C, F, 2)."""
        lengths = self.length(input_lengths)
        spectrum = input if self.stft is None else self.stft(input, input_lengths)[0]
        padding = make_pad_mask(lengths, spectrum.shape[1])[:, None, None, :]
        real, imag = spectrum.permute(0, 3, 2, 1, 4).masked_fill(padding.unsqueeze(-1), 0.0).unbind(-1)
        enhanced = frontend(Pair(real, imag), lengths)
        power = enhanced.square()
        if power.dim() == 4:
            power = power.select(2, self._drawn(power.shape[2]))
        return self.logmel(power.transpose(1, 2), lengths)

    def features(self, padded: torch.Tensor) -> torch.Tensor:
        assert self.stft is not None
        return self.logmel(self.stft.power(padded))[0]

    def _one_channel(self, input: torch.Tensor) -> torch.Tensor:
        """Select one channel of the axis after time, if there is one."""
        if input.dim() == (2 if self.apply_stft else 4):
            return input
        return input.select(2, self._drawn(input.shape[2]))

    def _drawn(self, channels: int) -> int:
        """Index of the channel to use."""
        return int(torch.randint(channels, ())) if self.training else 0


def _enhancement(conf: dict, bins: int) -> Frontend | None:
    """Make the enhancement that `frontend_conf` selects; None if it selects none."""
    known = [name for name in inspect.signature(Frontend).parameters if name != "idim"]
    unknown = [name for name in conf if name not in known]
    if unknown:
        raise ValueError(f"frontend_conf: expected keys of {', '.join(known)}, found {unknown[0]!r}")
    return Frontend(bins, **conf) if any(conf.get(name) for name in ENHANCEMENT) else None
