"""Sampling rates as configurations write them."""

from __future__ import annotations

import re

MULTIPLIERS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


def parse_frequency(value: int | str) -> int:
    """A sampling rate in Hz from a number or from text such as "16k", "22.05k" or "44.1 kHz".

    Raises `ValueError` for other text.
    """
    if isinstance(value, int):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([kmg]?)(?:hz)?\s*", value, re.IGNORECASE)
    if match is None:
        raise ValueError(f"fs: expected a sampling rate such as 16000 or 16k, found {value!r}")
    return round(float(match[1]) * MULTIPLIERS[match[2].lower()])
