"""Features on which a synthesiser and a vocoder have to agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from espnet2.interface.errors import BundleError
from espnet2.interface.spec import Component
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
    """Raise `BundleError` for a vocoder of another sampling rate, or of other features, or that nothing reads."""
    if _size(bundle.components, FEATURES) is None and STEP not in bundle.components:
        raise BundleError(f"{vocoder.path}: expected no vocoder, since {bundle.path} makes samples itself")
    rates = bundle.section.sample_rate, vocoder.section.sample_rate
    sizes = [_size(bundle.components, FEATURES), _size(vocoder.components, "feats")]
    for noun, (expected, found) in (("a sampling rate in Hz", rates), ("a number of features", sizes)):
        if expected != found:
            raise BundleError(f"{vocoder.path}: expected {noun} of {expected}, as {bundle.path} has, found {found}")
    other = mismatch(bundle.section.griffin_lim, vocoder.section.features)
    if other is not None:
        raise BundleError(f"{vocoder.path}: {other}")


def _size(components: Mapping[str, Component], name: str) -> Any:
    """Size of the features that graphs read or give under this name; None: there are none."""
    tensors = [tensor for component in components.values() for tensor in (*component.outputs, *component.inputs)]
    return next((tensor.axes[-1] for tensor in tensors if tensor.name == name), None)
