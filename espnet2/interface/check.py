"""One comparison of two results, and how far they may be apart."""

from __future__ import annotations

from dataclasses import dataclass

TOLERANCE = 1e-4  # of each value that a component returns, relative to it where it exceeds 1


@dataclass(frozen=True)
class Check:
    """The largest `difference` that was found between two results of `subject` in a `case`, and the `tolerance`."""

    subject: str
    case: str
    difference: float
    tolerance: float = TOLERANCE

    @property
    def passed(self) -> bool:
        """Whether the difference is a number within the tolerance."""
        return self.difference <= self.tolerance  # false for NaN
