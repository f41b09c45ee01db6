"""Base class of iterator factories."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any


class AbsIterFactory(ABC):
    """Factory of an iterator over batches for each epoch."""

    @abstractmethod
    def build_iter(self, epoch: int, shuffle: bool | None = None) -> Iterable[Any]:
        """Make the iterator over the batches of an epoch, counted from 1."""
