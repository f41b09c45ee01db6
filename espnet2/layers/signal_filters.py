"""Signal processing in PyTorch: recursive filters, resampling, phase vocoder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

BLOCK = 256  # samples that a recursive filter computes by one matrix product
ZERO_CROSSINGS = 6  # of the resampling kernel, on either side
PHASES = 64  # that resampling computes by one convolution, or more
ROLLOFF = 0.99  # cutoff of the resampling kernel as a fraction of the lower Nyquist frequency


def recursive_filter(x: Tensor, b: Sequence[float], a: Sequence[float]) -> Tensor:
    """Filter x (..., N) with b(z) / a(z), two or three coefficients each, and clip the result to -1..1.

    Computed in float64, block by block as a matrix product; only a block's last samples enter the next block.
    """
    b, a = [value / a[0] for value in b], [value / a[0] for value in a]
    order, count = len(a) - 1, x.shape[-1]
    fed = torch.nn.functional.pad(x.double(), (len(b) - 1, 0))
    driven = sum(value * fed.narrow(-1, len(b) - 1 - delay, count) for delay, value in enumerate(b))
    blocks = torch.nn.functional.pad(torch.as_tensor(driven), (0, -count % BLOCK)).unflatten(-1, (-1, BLOCK))
    ringing = _all_pole(a, [0.0] * order, excited=True).to(x.device)
    places = torch.arange(BLOCK, device=x.device)
    lag = places[:, None] - places
    alone = blocks @ torch.where(lag >= 0, ringing[lag.clamp(min=0)], 0.0).T
    carried = torch.stack([_all_pole(a, [float(i == j) for i in range(order)]) for j in range(order)]).to(x.device)
    state, outputs = x.new_zeros((*x.shape[:-1], order), dtype=torch.float64), []
    for block in alone.unbind(-2):
        outputs.append(block + state @ carried)
        state = outputs[-1][..., -order:].flip(-1)
    return torch.cat(outputs, dim=-1)[..., :count].clamp(-1.0, 1.0).to(x.dtype)


def _all_pole(a: Sequence[float], past: Sequence[float], excited: bool = False) -> Tensor:
    """BLOCK samples of 1 / a(z) after the outputs `past` (latest first), with an impulse at the start if `excited`."""
    recent, samples = list(past), []
    for index in range(BLOCK):
        impulse = 1.0 if excited and index == 0 else 0.0
        samples.append(impulse - sum(weight * value for weight, value in zip(a[1:], recent, strict=True)))
        recent = [samples[-1], *recent][: len(past)]
    return torch.tensor(samples, dtype=torch.float64)


Coefficients = tuple[tuple[float, ...], tuple[float, ...]]


def _lowpass(cos: float, alpha: float) -> Coefficients:
    return ((1 - cos) / 2, 1 - cos, (1 - cos) / 2), (1 + alpha, -2 * cos, 1 - alpha)


def _highpass(cos: float, alpha: float) -> Coefficients:
    return ((1 + cos) / 2, -1 - cos, (1 + cos) / 2), (1 + alpha, -2 * cos, 1 - alpha)


def _bandpass(cos: float, alpha: float) -> Coefficients:
    return (alpha, 0.0, -alpha), (1 + alpha, -2 * cos, 1 - alpha)


def _bandreject(cos: float, alpha: float) -> Coefficients:
    return (1.0, -2 * cos, 1.0), (1 + alpha, -2 * cos, 1 - alpha)


# "Cookbook formulae for audio equalizer biquad filter coefficients" (R. Bristow-Johnson), from cos w0 and alpha.
BIQUADS: dict[str, Callable[[float, float], Coefficients]] = {
    "lowpass": _lowpass,
    "highpass": _highpass,
    "bandpass": _bandpass,
    "bandreject": _bandreject,
}


def biquad(x: Tensor, kind: str, fs: int, freq: float, q: float, peak: float = 1.0) -> Tensor:
    """Second-order filter, one of `BIQUADS`, at `freq` Hz; `peak` scales its numerator. x (..., N) → (..., N)."""
    angle = 2 * math.pi * freq / fs
    b, a = BIQUADS[kind](math.cos(angle), math.sin(angle) / (2 * q))
    return recursive_filter(x, [peak * value for value in b], a)


def peaking(x: Tensor, fs: int, freq: float, q: float, gain: float) -> Tensor:
    """Peaking equaliser of the same cookbook: `gain` dB at `freq` Hz. x (..., N) → (..., N)."""
    angle, amplitude = 2 * math.pi * freq / fs, 10 ** (gain / 40)
    cos, alpha = math.cos(angle), math.sin(angle) / (2 * q)
    b = (1 + alpha * amplitude, -2 * cos, 1 - alpha * amplitude)
    return recursive_filter(x, b, (1 + alpha / amplitude, -2 * cos, 1 - alpha / amplitude))


def resample(x: Tensor, old: int, new: int, zero_crossings: int = ZERO_CROSSINGS, rolloff: float = ROLLOFF) -> Tensor:
    """Band-limited interpolation of x (..., N) from `old` to `new` Hz: (..., ceil(N new / old)).

    The kernel is a sinc in a Hann window (J. O. Smith, "Digital Audio Resampling"). Every `new`-th output has the same
    phase, so phases are the channels of a strided convolution; phases over the same samples share one convolution.
    """
    divisor = math.gcd(old, new)
    old, new = old // divisor, new // divisor
    if old == new:
        return x
    cutoff = min(old, new) * rolloff / old  # as a fraction of the old Nyquist frequency
    reach = math.ceil(zero_crossings / cutoff)
    count = -(-x.shape[-1] * new // old)
    padded = torch.nn.functional.pad(x, (reach, reach + old + 1)).reshape(-1, 1, x.shape[-1] + 2 * reach + old + 1)
    together = max(PHASES, 2 * reach * new // old)
    outputs = []
    for start in range(0, new, together):
        end = min(start + together, new)
        first, last = start * old // new, (end - 1) * old // new
        samples = torch.arange(first - reach, last + reach + 2, dtype=torch.float64, device=x.device)
        places = torch.arange(start, end, dtype=torch.float64, device=x.device) * old / new
        phase = ((samples - places[:, None]) * cutoff).clamp(-zero_crossings, zero_crossings)
        kernel = torch.sinc(phase) * torch.cos(phase * (math.pi / zero_crossings / 2)).square() * cutoff
        output = torch.nn.functional.conv1d(padded[..., first:], kernel.to(x.dtype)[:, None], stride=old)
        outputs.append(output[..., : -(-count // new)])
    return torch.cat(outputs, dim=1).transpose(1, 2).reshape(*x.shape[:-1], -1)[..., :count]


def stretch(x: Tensor, rate: float, n_fft: int, hop: int, win_length: int, window: Tensor, length: int) -> Tensor:
    """Change the tempo by `rate`, keeping the pitch: x (..., N) → (..., length), by a phase vocoder (Flanagan and
    Golden 1966)."""
    spectrum = torch.stft(x, n_fft, hop, win_length, window, return_complex=True)
    frames = torch.arange(0, spectrum.shape[-1], rate, device=x.device)
    padded = torch.nn.functional.pad(spectrum, (0, 2))
    first = padded[..., frames.long()]
    second = padded[..., frames.long() + 1]
    part = frames % 1.0
    magnitude = part * second.abs() + (1 - part) * first.abs()
    expected = torch.linspace(0, math.pi * hop, spectrum.shape[-2], device=x.device)[:, None]
    turn = second.angle() - first.angle() - expected
    turn = turn - 2 * math.pi * torch.round(turn / (2 * math.pi)) + expected
    phase = torch.cat([spectrum[..., :1].angle(), turn[..., :-1]], dim=-1).cumsum(-1)
    return torch.istft(torch.polar(magnitude, phase), n_fft, hop, win_length, window, length=length)
