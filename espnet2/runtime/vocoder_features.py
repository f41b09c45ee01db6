"""Features on which a synthesiser and a vocoder have to agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
