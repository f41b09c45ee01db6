"""Features on which a synthesiser and a vocoder have to agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from espnet2.interface.errors import BundleError
from espnet2.interface.spec import FLOATS, Component, Tensor
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.synthesis_flow import FEATURES, STEP

# Options of features, and what a vocoder's config calls them.
SHARED_WITH_VOCODER = {
    "fs": "sampling_rate",
    "n_mels": "num_mels",
    "n_fft": "fft_size",
    "n_shift": "hop_size",
    "fmin": "fmin",
    "fmax": "fmax",
}


def mismatch(own: Mapping[str, Any], vocoder: Mapping[str, Any]) -> str | None:
    """Message about the first of a vocoder's features that differs from the synthesiser's; None: all agree.

    Args:
        own: Options of the synthesiser's features, as their `get_parameters` names them.
        vocoder: Features of the vocoder, as its config names them. What one of both does not state is not compared.
    """
    for option, key in SHARED_WITH_VOCODER.items():
        if option in own and key in vocoder:
            expected, found = (_stated(option, value, own) for value in (own[option], vocoder[key]))
            if expected != found:
                return f"{key}: expected {expected}, as the synthesiser's features have, found {found}"
    return None


def _stated(option: str, value: Any, own: Mapping[str, Any]) -> Any:
    """A value; in place of a missing limit, that of the whole band."""
    if value is None and option == "fmin":
        return 0
    return own["fs"] / 2 if value is None and option == "fmax" and own.get("fs") else value


def require_fit(bundle: Bundle, vocoder: Bundle) -> None:
    """Raise `BundleError` for a vocoder of another sampling rate, or of other features, or that nothing reads.

    Speech made of discrete units has the vocoder's sampling rate.
    """
    given, read = _tensor(bundle.components, FEATURES), _tensor(vocoder.components, "feats")
    if given is None and STEP not in bundle.components:
        raise BundleError(f"{vocoder.path}: expected no vocoder, since {bundle.path} makes samples itself; found one")
    units = [_units(tensor) for tensor in (given, read)]
    if units[0] or units[1]:
        if not 0 < units[0] <= units[1]:
            nouns = [f"{count} discrete units" if count else "features" for count in units]
            raise BundleError(f"{vocoder.path}: expected {nouns[0]}, as {bundle.path} gives, found {nouns[1]}")
        return
    rates = bundle.section.sample_rate, vocoder.section.sample_rate
    sizes = [tensor and tensor.axes[-1] for tensor in (given, read)]
    for noun, (expected, found) in (("a sampling rate in Hz", rates), ("a number of features", sizes)):
        if expected != found:
            raise BundleError(f"{vocoder.path}: expected {noun} of {expected}, as {bundle.path} has, found {found}")
    other = mismatch(bundle.section.griffin_lim, vocoder.section.features)
    if other is not None:
        raise BundleError(f"{vocoder.path}: {other}")


def _units(tensor: Tensor | None) -> int:
    """Number of discrete units that a tensor has values of; 0 for features."""
    if tensor is None or tensor.dtype in FLOATS:
        return 0
    return tensor.below if isinstance(tensor.below, int) else 0


def _tensor(components: Mapping[str, Component], name: str) -> Tensor | None:
    """The features that graphs read or give under this name; None: there are none."""
    tensors = [tensor for component in components.values() for tensor in (*component.outputs, *component.inputs)]
    return next((tensor for tensor in tensors if tensor.name == name), None)
