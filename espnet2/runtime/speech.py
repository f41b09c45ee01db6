"""Checks of speech: the arrays that an encoder takes, and errors for others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from espnet2.interface.errors import AudioError, reason_of
from espnet2.interface.spec import Axis, Component

LARGEST = 2.0**31  # samples of 32 bits that were not scaled; the power spectrum of 1e17 is beyond float32


def floating_point(speech: Any, name: str) -> np.ndarray:
    """`speech` as an array of floating point numbers; tensors of PyTorch are arrays, too.

    Raises `AudioError`, which calls it `name`, for anything else.
    """
    if not hasattr(speech, "__array__"):
        raise AudioError(f"{name}: expected a numpy array, found {type(speech).__name__}")
    try:
        array = np.asarray(speech)
    except (RuntimeError, TypeError) as error:  # a tensor that requires a gradient, is bfloat16, or on another device
        raise AudioError(f"{name}: expected what numpy can read, found: {reason_of(error)}") from error
    if not np.issubdtype(array.dtype, np.floating):
        hint = "; divide samples of 16 bits by 32768" if array.dtype == np.int16 else ""
        raise AudioError(f"{name}: expected floating point numbers in [-1, 1), found {array.dtype}{hint}")
    return array


def require_shape(array: np.ndarray, axes: Sequence[Axis], name: str, hint: str = "") -> None:
    """Raise `AudioError` for an array of other axes; `hint` ends its sentence."""
    if array.ndim != len(axes) or any(
        isinstance(axis, int) and axis != size for axis, size in zip(axes, array.shape, strict=True)
    ):
        raise AudioError(f"{name}: expected shape ({', '.join(map(str, axes))}), found {array.shape}{hint}")


def require_channels(array: np.ndarray, axes: Sequence[Axis], least: int, name: str) -> None:
    """Raise `AudioError` for an array of these axes that has fewer channels than the encoder needs."""
    if "channels" in axes and (found := array.shape[axes.index("channels")]) < least:
        raise AudioError(f"{name}: expected at least {least} channels, found {found}")


def require_same_channels(speeches: Sequence[np.ndarray]) -> None:
    """Raise `AudioError` where utterances of a batch, (T, C) each, have different numbers of channels."""
    found = sorted({speech.shape[1] for speech in speeches if speech.ndim == 2})
    if len(found) > 1:
        raise AudioError(f"speech: expected as many channels in each utterance of a batch, found {found}")


def require_numbers(array: np.ndarray, name: str) -> None:
    """Raise `AudioError` for numbers that are not finite, or beyond `LARGEST`."""
    # Extremes, since an hour of speech is not to be copied; NaN is the largest and the smallest.
    largest = max(abs(float(array.min(initial=0.0))), abs(float(array.max(initial=0.0))))
    if not np.isfinite(largest):
        raise AudioError(f"{name}: expected finite numbers, found NaN or infinity")
    if largest > LARGEST:
        raise AudioError(f"{name}: expected numbers in [-1, 1), found one of size {largest:.3g}")


def require_sound(array: np.ndarray, name: str) -> None:
    """Raise `AudioError` where there is nothing but zeros: a recording that failed."""
    if not array.any():
        raise AudioError(f"{name}: expected sound, found nothing but zeros")


def checked(speech: Any, component: Component, name: str = "speech") -> np.ndarray:
    """`speech` as `component` takes it, in float32; errors call it `name`.

    Of channels (T, C), a component that does not read them gets the first, as upstream's front ends take it.

    Raises:
        AudioError: It is no array of floating point numbers, of another shape, of too few channels, empty, too short,
            not finite, or too large.
    """
    array, wanted = floating_point(speech, name), component.inputs[0].axes[1:]
    if wanted == ("samples",) and array.ndim == 2 and len(array) > array.shape[1] > 0:
        array = array[:, 0]
    hint = "; channels come last" if array.ndim == 2 and wanted == ("samples",) else ""
    require_shape(array, wanted, name, hint)
    require_channels(array, wanted, component.least_channels, name)
    unit = str(wanted[0])
    shortest = component.shortest().get(unit, 1)
    if len(array) < shortest:
        raise AudioError(f"{name}: expected at least {shortest} {unit}, found {len(array)}")
    require_numbers(array, name)
    return array.astype(np.float32, copy=False)


def padded(speeches: Sequence[np.ndarray], component: Component) -> dict[str, np.ndarray]:
    """Utterances that `checked` gave as a batch: the first feeds of `component`, speech and its lengths."""
    require_same_channels(speeches)
    speech, lengths = component.inputs[:2]
    counts = np.array([len(one) for one in speeches], lengths.dtype)
    batch = np.zeros((len(speeches), max(counts), *speeches[0].shape[1:]), speech.dtype)
    for row, one in zip(batch, speeches, strict=True):
        row[: len(one)] = one
    return {speech.name: batch, lengths.name: counts}


def unpadded(speech: Any, lengths: Any) -> list[np.ndarray]:
    """The utterances of padded speech (B, T, …) whose lengths (B,) are given; raises `AudioError` for other lengths."""
    padded = floating_point(speech, "speech")
    if padded.ndim < 2:
        raise AudioError(f"speech: expected several utterances, (B, T), or a list of them, found {padded.shape}")
    if lengths is None:
        raise AudioError("speech_lengths: expected the length of each utterance, since speech is padded, found none")
    counts = np.asarray(lengths)
    whole = np.issubdtype(counts.dtype, np.integer) and counts.shape == padded.shape[:1]
    if not whole or (counts < 0).any() or (counts > padded.shape[1]).any():
        raise AudioError(
            f"speech_lengths: expected {len(padded)} integers from 0 to {padded.shape[1]}, found {counts.tolist()}"[
                :300
            ]
        )
    return [row[:count] for row, count in zip(padded, counts, strict=True)]
