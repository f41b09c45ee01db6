"""Inputs of a synthesiser beside the text: speakers, languages, voices and a reference utterance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from espnet2.interface.errors import DataError, OptionError, shortened
from espnet2.interface.spec import Component, Tensor
from espnet2.runtime.speech import checked, require_sound

# Inputs beside the text, and what messages call them.
CONDITIONS = {"sids": "number of a speaker", "lids": "number of a language", "spembs": "speaker embedding"}
SPEECH, SPEECH_LENGTHS = REFERENCE = ("speech", "speech_lengths")  # samples of an utterance in the wanted style


def conditions_of(components: Iterable[Component]) -> dict[str, Tensor]:
    """The conditions that graphs read, by name; of several that have bounds, that of the fewest values."""
    read = [tensor for component in components for tensor in component.inputs]
    found = {name: [tensor for tensor in read if tensor.name == name] for name in CONDITIONS}
    return {name: min(tensors, key=_bound) for name, tensors in found.items() if tensors}


def _bound(tensor: Tensor) -> float:
    return 0 if isinstance(tensor.below, str) else tensor.below


def condition(tensor: Tensor, value: Any) -> np.ndarray:
    """A condition as the graph reads it, without the batch's axis; raises `DataError` for another one."""
    noun, shape = CONDITIONS[tensor.name], tuple(map(int, tensor.axes[1:]))
    if value is None:
        raise DataError(f"{tensor.name}: expected the {noun}, which this model needs, found none")
    array = np.asarray(value)
    integers = tensor.dtype.startswith("int")
    array = array.reshape(shape) if integers and array.size == 1 else array
    kinds = "iu" if integers else "fiu"
    if array.shape != shape or array.dtype.kind not in kinds:
        raise DataError(f"{tensor.name}: expected the {noun} of shape {shape}, found {shortened(repr(value), 80)}")
    if not (integers or (np.abs(array) <= np.finfo(tensor.dtype).max).all()):
        raise DataError(
            f"{tensor.name}: expected finite numbers ({tensor.dtype}) of the {noun}, found {shortened(repr(value), 80)}"
        )
    if integers and isinstance(tensor.below, int) and tensor.below and not 0 <= int(array.item()) < tensor.below:
        raise DataError(f"{tensor.name}: expected the {noun} from 0 to {tensor.below - 1}, found {int(array.item())}")
    return array.astype(tensor.dtype)


def reference(component: Component, value: Any) -> dict[str, np.ndarray]:
    """Samples (N,) of a reference utterance and their number; raises `DataError` or `AudioError` for other values."""
    if value is None:
        raise DataError(f"{SPEECH}: expected a reference utterance, whose style this model needs, found none")
    samples = checked(value, component, SPEECH)
    require_sound(samples, SPEECH)
    return {SPEECH: samples, SPEECH_LENGTHS: np.array(len(samples))}


def spoken(
    encoder: Component, tokens: int, durations: Any, pitch: Any = None, energy: Any = None, **further: Any
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Durations (U,) int64, and pitch and energy (U, 1) by name, that are spoken instead of predicted ones.

    Args:
        encoder: Text encoder, which may add tokens to a text.
        tokens: Of the text.
        durations, pitch, energy: Values that were given; None: none.
        further: Not used.

    Raises:
        DataError: Other numbers of values, or values that cannot be spoken.
        OptionError: No durations.
    """
    if durations is None:
        raise OptionError("durations: expected frames of each token, which use_teacher_forcing needs, found none")
    count = encoder.output_sizes({"tokens": tokens, "batch": 1}).get("out_tokens", tokens)
    steps = np.asarray(durations)
    found = shortened(repr(durations), 80)
    if steps.shape != (count,) or steps.dtype.kind not in "iu":
        raise DataError(f"durations: expected {count} whole numbers of frames, found {found}")
    if steps.min() < 0 or not steps.any():
        raise DataError(f"durations: expected frames of at least 0, and one above, found {found}")
    values = {}
    for name, value in (("pitch", pitch), ("energy", energy)):
        if value is not None:
            array = np.asarray(value, np.float32)
            if array.shape != (count, 1) or not np.isfinite(array).all():
                raise DataError(f"{name}: expected finite numbers ({count}, 1), found the shape {array.shape}")
            values[name] = array
    return steps.astype(np.int64), values
