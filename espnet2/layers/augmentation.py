"""Random changes of training recordings: filters, speed, pitch, loudness and phase.

Waveforms are (..., N) tensors with samples from -1 to 1. Lengths of windows, `n_fft`, `win_length` and `hop_length`,
are in seconds.
"""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from espnet.nets.pytorch_backend.nets_utils import choose
from espnet2.layers.signal_filters import biquad, peaking, recursive_filter, resample, stretch
from espnet2.layers.stft import WINDOWS

SAMPLE_RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
# Zero crossings of the kernel and its roll-off.
RESAMPLE_METHODS: dict[str, tuple[int, float]] = {
    "kaiser_best": (64, 0.9476),
    "kaiser_fast": (16, 0.85),
    "scipy": (128, 0.99),
    "polyphase": (10, 0.99),
}


def weighted_sample_without_replacement(
    population: Sequence[Any], weights: Sequence[float], k: int, rng: Any = random
) -> list[Any]:
    """Draw `k` different members with weights (Efraimidis and Spirakis 2006)."""
    keys = [rng.random() ** (1 / weight) for weight in weights]
    order = sorted(range(len(population)), key=keys.__getitem__)
    return [population[index] for index in order[len(order) - k :]]


class DataAugmentation:
    """Augmentation by effects that are drawn for every recording.

    Args:
        effects: `(weight, name, options)` with a name of `effects_dict`, or `(weight, [(weight, name, options), ...])`,
            of which one is drawn.
        apply_n: smallest and largest number of effects.

    Raises:
        ValueError: an unknown effect or option, a weight that is not positive, or an impossible number of effects.
    """

    def __init__(self, effects: Sequence[Any], apply_n: Sequence[int] = (1, 1)):
        for effect in effects:
            _require_form(effect)
        self.effect_probs = tuple(effect[0] for effect in effects)
        self.effects = tuple(
            [_plain(one) for one in effect[1]] if len(effect) == 2 else _plain(effect[1:]) for effect in effects
        )
        least, most = apply_n
        if not 0 <= least <= most <= len(effects):
            raise ValueError(f"apply_n: expected two numbers from 0 to {len(effects)}, in order, found {list(apply_n)}")
        for effect in self.effects:
            for one in effect if _nested(effect) else [[0.0, *effect]]:
                _require_options(*one[1:])
        self.apply_n = (least, most)

    def __call__(self, waveform: np.ndarray | Tensor, sample_rate: int) -> np.ndarray:
        """(..., N) at `sample_rate` Hz → (..., N'); N' differs from N where an effect changes the speed."""
        waveform = torch.as_tensor(waveform)
        count = np.random.randint(self.apply_n[0], self.apply_n[1] + 1)
        for effect in weighted_sample_without_replacement(self.effects, self.effect_probs, count):
            if _nested(effect):
                ((_, *effect),) = weighted_sample_without_replacement(effect, [one[0] for one in effect], 1)
            name, options = effect
            waveform = effects_dict[name](waveform, sample_rate, **options)
        return waveform.numpy()


def _require_form(effect: Any, sizes: Sequence[int] = (2, 3)) -> None:
    """Raise `ValueError` unless this is an effect with a positive weight and a mapping of options."""
    if not isinstance(effect, list | tuple) or len(effect) not in sizes:
        raise ValueError(f"effects: expected weight, name and options of each, found {effect!r}")
    weight, what, *options = effect
    if isinstance(weight, bool) or not isinstance(weight, int | float) or weight <= 0:
        raise ValueError(f"effects: expected a weight above 0 (leave out an effect that is off), found {weight!r}")
    if not isinstance(what, str if options else list | tuple) or not what:
        raise ValueError(f"effects: expected {'a name' if options else 'a list of effects'}, found {what!r}")
    for one in () if options else what:
        _require_form(one, (3,))
    if options and not isinstance(options[0], Mapping):
        raise ValueError(f"effects: {what}: expected a mapping of options, found {options[0]!r}")


def _plain(effect: Sequence[Any]) -> list[Any]:
    """Convert an effect, given as any kind of sequence, to a list."""
    *head, options = effect
    return [*head, dict(options)]


def _require_options(name: Any, options: dict[str, Any]) -> None:
    """Raise `ValueError` for an unknown effect or unknown options."""
    effect = choose("effects", str(name), effects_dict)
    try:
        inspect.signature(effect).bind(None, 0, **options)
    except TypeError as error:
        raise ValueError(f"effects: {name}: {error}") from None


def _nested(effect: Sequence[Any]) -> bool:
    return not isinstance(effect[0], str)


def lowpass_filtering(waveform: Tensor, sample_rate: int, cutoff_freq: float = 1000, Q: float = 0.707) -> Tensor:
    """Low-pass filter at `cutoff_freq` Hz."""
    return biquad(waveform, "lowpass", sample_rate, cutoff_freq, Q)


def highpass_filtering(waveform: Tensor, sample_rate: int, cutoff_freq: float = 3000, Q: float = 0.707) -> Tensor:
    """High-pass filter at `cutoff_freq` Hz."""
    return biquad(waveform, "highpass", sample_rate, cutoff_freq, Q)


def bandpass_filtering(
    waveform: Tensor, sample_rate: int, center_freq: float = 3000, Q: float = 0.707, const_skirt_gain: bool = False
) -> Tensor:
    """Band-pass filter around `center_freq` Hz; the gain there is 1, or `Q` with `const_skirt_gain`."""
    return biquad(waveform, "bandpass", sample_rate, center_freq, Q, Q if const_skirt_gain else 1.0)


def bandreject_filtering(waveform: Tensor, sample_rate: int, center_freq: float = 3000, Q: float = 0.707) -> Tensor:
    """Band-reject filter around `center_freq` Hz."""
    return biquad(waveform, "bandreject", sample_rate, center_freq, Q)


def contrast(waveform: Tensor, sample_rate: int = 16000, enhancement_amount: float = 75.0) -> Tensor:
    """Apply SoX's effect `contrast`; the amount is from 0 to 100."""
    phase = waveform * (math.pi / 2)
    return torch.sin(phase + enhancement_amount / 750.0 * torch.sin(4 * phase))


def equalization_filtering(
    waveform: Tensor, sample_rate: int, center_freq: float = 1000, gain: float = 0.0, Q: float = 0.707
) -> Tensor:
    """Amplify frequencies around `center_freq` Hz by `gain` dB."""
    return peaking(waveform, sample_rate, center_freq, Q, gain)


def pitch_shift(
    waveform: Tensor,
    sample_rate: int,
    n_steps: int,
    bins_per_octave: int = 12,
    n_fft: float = 0.032,
    win_length: float | None = None,
    hop_length: float = 0.008,
    window: str | None = "hann",
) -> Tensor:
    """Shift the pitch by `n_steps` of `bins_per_octave` steps per octave, keeping the length."""
    rate = 2.0 ** (-n_steps / bins_per_octave)
    length = waveform.shape[-1]
    sizes = _window(waveform, sample_rate, n_fft, win_length, hop_length, window)
    shifted = resample(stretch(waveform, rate, *sizes, round(length / rate)), int(sample_rate / rate), sample_rate)
    return _to_length(shifted, length)


def speed_perturb(waveform: Tensor, sample_rate: int, factor: float) -> Tensor:
    """Change the speed by `factor`, including the pitch."""
    return resample(waveform, int(factor * sample_rate), sample_rate)


def time_stretch(
    waveform: Tensor,
    sample_rate: int,
    factor: float,
    n_fft: float = 0.032,
    win_length: float | None = None,
    hop_length: float = 0.008,
    window: str | None = "hann",
) -> Tensor:
    """Change the tempo by `factor`, keeping the pitch."""
    sizes = _window(waveform, sample_rate, n_fft, win_length, hop_length, window)
    return stretch(waveform, factor, *sizes, round(waveform.shape[-1] / factor))


def preemphasis(waveform: Tensor, sample_rate: int, coeff: float = 0.97) -> Tensor:
    """Apply pre-emphasis: subtract `coeff` times the previous sample."""
    return waveform - coeff * torch.nn.functional.pad(waveform, (1, 0))[..., :-1]


def deemphasis(waveform: Tensor, sample_rate: int, coeff: float = 0.97) -> Tensor:
    """The inverse of `preemphasis`, clipped to -1..1."""
    return recursive_filter(waveform, (1.0, 0.0), (1.0, -coeff))


def clipping(waveform: Tensor, sample_rate: int, min_quantile: float = 0.0, max_quantile: float = 0.9) -> Tensor:
    """Clip to two quantiles of the samples."""
    low, high = torch.quantile(waveform, torch.tensor([min_quantile, max_quantile], dtype=waveform.dtype))
    return waveform.clamp(low, high)


def polarity_inverse(waveform: Tensor, sample_rate: int) -> Tensor:
    """Change the sign."""
    return -waveform


def reverse(waveform: Tensor, sample_rate: int) -> Tensor:
    """Reverse the samples."""
    return waveform.flip(-1)


def corrupt_phase(
    waveform: Tensor,
    sample_rate: int,
    scale: float = 0.5,
    n_fft: float = 0.032,
    win_length: float | None = None,
    hop_length: float = 0.008,
    window: str | None = "hann",
) -> Tensor:
    """Add normally distributed noise of `scale` radians to the phases of the spectrum."""
    *sizes, shape = _window(waveform, sample_rate, n_fft, win_length, hop_length, window)
    size, hop, win = sizes
    spectrum = torch.stft(waveform, size, hop, win, shape, return_complex=True)
    noisy = torch.polar(spectrum.abs(), spectrum.angle() + scale * torch.randn(spectrum.shape).to(waveform))
    return torch.istft(noisy, size, hop, win, shape, length=waveform.shape[-1])


def bandwidth_limitation(waveform: Tensor, sample_rate: int, res_type: str = "random") -> Tensor:
    """Remove frequencies above half of a lower sampling rate, drawn from `SAMPLE_RATES`, keeping the length.

    `res_type` is one of `RESAMPLE_METHODS`, which differ in how steep the filter is, or `random`.
    """
    lower = [rate for rate in SAMPLE_RATES if rate < sample_rate]
    if not lower:
        return waveform
    rate = random.choice(lower)
    method = random.choice(list(RESAMPLE_METHODS)) if res_type == "random" else res_type
    kernel = choose("res_type", method, RESAMPLE_METHODS)
    limited = resample(resample(waveform, sample_rate, rate, *kernel), rate, sample_rate, *kernel)
    return _to_length(limited, waveform.shape[-1])


def codecs(
    waveform: Tensor,
    sample_rate: int,
    format: str,
    compression: float | None = None,
    encoding: str | None = None,
    bits_per_sample: int | None = None,
) -> Tensor:
    """Raise `NotImplementedError`, as upstream's function of that name does."""
    raise NotImplementedError(f"codecs: expected another effect, found the coding of {format!r}, which upstream lacks")


def _window(
    x: Tensor, fs: int, n_fft: float, win_length: float | None, hop_length: float, window: str | None
) -> tuple[int, int, int, Tensor]:
    """Convert sizes of a transform of samples x from seconds to samples: `n_fft`, hop, window; and make the window."""
    size = int(n_fft * fs)
    length = size if win_length is None else int(win_length * fs)
    shape = torch.ones(length) if window is None else choose("window", window, WINDOWS)(length)
    return size, int(hop_length * fs), length, shape.to(x)


def _to_length(waveform: Tensor, length: int) -> Tensor:
    """Cut (..., N) to `length`, or append zeros."""
    return torch.nn.functional.pad(waveform, (0, length - waveform.shape[-1]))


effects_dict: dict[str, Callable[..., Tensor]] = {
    "lowpass": lowpass_filtering,
    "highpass": highpass_filtering,
    "bandpass": bandpass_filtering,
    "bandreject": bandreject_filtering,
    "bandwidth_limitation": bandwidth_limitation,
    "contrast": contrast,
    "equalization": equalization_filtering,
    "pitch_shift": pitch_shift,
    "speed_perturb": speed_perturb,
    "time_stretch": time_stretch,
    "preemphasis": preemphasis,
    "deemphasis": deemphasis,
    "clipping": clipping,
    "polarity_inverse": polarity_inverse,
    "reverse": reverse,
    "corrupt_phase": corrupt_phase,
}
