"""Short-time Fourier transform as one strided convolution with a windowed DFT basis.

It uses real arithmetic only, which onnxruntime supports. In a padded batch every utterance is mirrored at its own end,
so padding does not change the result.
"""

from __future__ import annotations

import math

import torch
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import full_lengths, make_pad_mask, require_positive
from espnet2.interface.spec import Length
from espnet2.layers.inversible_interface import InversibleInterface

WINDOWS = {
    "bartlett": torch.bartlett_window,
    "blackman": torch.blackman_window,
    "hamming": torch.hamming_window,
    "hann": torch.hann_window,
    "kaiser": torch.kaiser_window,
}

MOST_NUMBERS = 80_000_000  # of the matrix of a transform: one of 8192 points


class Stft(torch.nn.Module, InversibleInterface):
    """STFT. `n_fft`, `win_length` and `hop_length` are in samples; `window` None is the rectangular window.

    `length` is the number of frames as a formula of the number of samples. Raises `ValueError` for an unknown window
    or a window longer than the transform.
    """

    basis: torch.Tensor

    @typechecked
    def __init__(
        self,
        n_fft: int = 512,
        win_length: int | None = None,
        hop_length: int = 128,
        window: str | None = "hann",
        center: bool = True,
        normalized: bool = False,
        onesided: bool = True,
    ):
        super().__init__()
        self.n_fft = n_fft
        self.win_length = n_fft if win_length is None else win_length
        self.hop_length = hop_length
        self.window = window
        self.center = center
        self.normalized = normalized
        self.onesided = onesided
        require_positive(n_fft=n_fft, win_length=self.win_length, hop_length=hop_length)
        if self.win_length > n_fft:
            raise ValueError(f"win_length: expected at most n_fft = {n_fft} samples, found {self.win_length}")
        self.bins = n_fft // 2 + 1 if onesided else n_fft
        if 2 * self.bins * self.win_length > MOST_NUMBERS:
            raise ValueError(f"n_fft: expected a transform of at most {MOST_NUMBERS} numbers, found {n_fft} points")
        padding = n_fft // 2 if center else 0
        self.length = Length.conv(n_fft, hop_length, padding)
        # The window is centred in the transform; the first `start` and last `end` samples have weight 0.
        self.start = (n_fft - self.win_length) // 2
        self.end = n_fft - self.win_length - self.start
        self.padding = padding
        self.register_buffer("basis", self._basis(), persistent=False)

    def forward(
        self, input: torch.Tensor, ilens: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Transform samples; frames beyond an utterance's length are zeros.

        Args:
            input: (B, N) or (B, N, C), N samples of C channels.
            ilens: samples of each utterance (B,), or None when all are N long.

        Returns:
            (B, T, F, 2) or (B, T, C, F, 2), real and imaginary parts, and the frames (B,) or None.
        """
        channels = input.shape[2:]
        samples = input.transpose(1, -1).flatten(0, -2)
        lengths = None if ilens is None else ilens.unsqueeze(1).expand(-1, math.prod(channels)).flatten()
        parts = self.spectrum(samples, lengths).unflatten(1, (2, self.bins)).unflatten(0, (-1, *channels))
        output = parts.movedim(-1, 1).movedim(-2, -1)
        if ilens is None:
            return output, None
        olens = self.length(ilens)
        padded = make_pad_mask(olens, output.shape[1])
        return output.masked_fill(padded.reshape(*padded.shape, *[1] * (output.dim() - 2)), 0.0), olens

    def inverse(
        self, input: torch.Tensor, input_lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Spectra (B, T, F, 2), or complex (B, T, F), to samples (B, N) by overlap-add.

        N is the largest of `input_lengths` (B,), in samples, or by default the span of the frames. Raises
        `RuntimeError` if the sum of the windows has zeros, as without `center`.
        """
        spectrum = input if input.is_complex() else torch.view_as_complex(input.contiguous())
        samples = torch.istft(
            spectrum.transpose(1, 2),
            self.n_fft,
            self.hop_length,
            self.win_length,
            self._window().to(input.device, torch.float32),
            center=self.center,
            normalized=self.normalized,
            onesided=self.onesided,
            length=None if input_lengths is None else int(input_lengths.max()),
        )
        return samples, input_lengths

    def spectrum(self, samples: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Samples (B, N) to real parts followed by imaginary parts (B, 2 F, T); frames of padding are not masked."""
        return self._transform(self.pad(samples, lengths))

    def power(self, padded: torch.Tensor) -> torch.Tensor:
        """Power spectrum (B, T, F) of padded samples (B, N) from `pad`; frames of padding are not masked."""
        real, imaginary = self._transform(padded).split(self.bins, dim=1)
        return (real * real + imaginary * imaginary).transpose(1, 2)

    def _transform(self, padded: torch.Tensor) -> torch.Tensor:
        windows = padded[:, None, self.start : padded.shape[1] - self.end]
        return torch.nn.functional.conv1d(windows, self.basis, stride=self.hop_length)

    def pad(self, samples: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """Mirror `padding` samples at both ends of each utterance; shorter utterances repeat their edge."""
        if not self.center:
            return samples
        count = samples.shape[1]
        ramp = torch.arange(self.padding, device=samples.device)
        if lengths is None:
            lengths = full_lengths(samples)
        head = samples[:, (self.padding - ramp).clamp(max=count - 1)]
        tail = samples.gather(1, (lengths[:, None] - 2 - ramp).clamp(min=0))
        row = torch.nn.functional.pad(torch.cat([head, samples], dim=1), (0, self.padding))
        return row.scatter(1, lengths[:, None] + self.padding + ramp, tail)

    def _window(self) -> torch.Tensor:
        """(win_length,) float64."""
        if self.window is not None and self.window not in WINDOWS:
            raise ValueError(f"window: expected one of {', '.join(WINDOWS)} or null, found {self.window!r}")
        make = torch.ones if self.window is None else WINDOWS[self.window]
        return make(self.win_length, dtype=torch.float64)

    def _basis(self) -> torch.Tensor:
        """Windowed cosines, then negative sines, (2 F, 1, win_length), float32 computed in float64."""
        window = self._window()
        time = torch.arange(self.win_length) + self.start
        # Reduced modulo n_fft in integers, so that large products lose no accuracy.
        angle = torch.outer(torch.arange(self.bins), time) % self.n_fft * (2 * math.pi / self.n_fft)
        angle = angle.to(torch.float64)
        scale = self.n_fft**-0.5 if self.normalized else 1.0
        return (torch.cat([angle.cos(), -angle.sin()]) * window * scale).to(torch.float32)[:, None]
