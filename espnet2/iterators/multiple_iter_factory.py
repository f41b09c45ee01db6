"""Epochs over several data sets, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from espnet2.iterators.abs_iter_factory import AbsIterFactory


class MultipleIterFactory(AbsIterFactory):
    """Iterator factory over several factories in turn, each built when needed.

    Args:
        build_funcs: Functions that build a factory each.
        seed: Seed of the order.
        shuffle: Change the order of the factories from epoch to epoch.
    """

    def __init__(
        self, build_funcs: Collection[Callable[[], AbsIterFactory]], seed: int = 0, shuffle: bool = False
    ) -> None:
        self.build_funcs = list(build_funcs)
        self.seed = seed
        self.shuffle = shuffle

    def build_iter(self, epoch: int, shuffle: bool | None = None) -> Iterator[Any]:
        """Make the iterator over the batches of an epoch; `shuffle` overrides the constructor's, also for each
        factory."""
        shuffle = self.shuffle if shuffle is None else shuffle
        count = len(self.build_funcs)
        order = np.random.RandomState(epoch + self.seed).permutation(count) if shuffle else range(count)
        for place in order:
            yield from self.build_funcs[place]().build_iter(epoch, shuffle)
