"""Limits of a service."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of a service.

    Attributes:
        seconds: The longest recording.
        deadline: Seconds in which a request is answered, or is given up.
        patience: Seconds in which a body has to arrive.
        megabytes: The largest body.
        total_megabytes: Bodies and decoded recordings of all requests at once; one that is alone may take more.
        characters: The longest text.
    """

    seconds: float = 3600.0
    deadline: float = 600.0
    patience: float = 120.0
    megabytes: float = 512.0
    total_megabytes: float = 4096.0
    characters: float = 10_000
