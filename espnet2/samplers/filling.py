"""Batches that are filled utterance by utterance up to a given size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from espnet2.samplers.batching import (
    by_length,
    cut,
    ordered,
    read_same_shapes,
    require_at_least_one,
    require_orders,
    without_small_last,
)


@dataclass(frozen=True)
class Filling:
    """Limits of a batch: options of `LengthBatchSampler` and `NumElementsBatchSampler`."""

    batch_bins: int
    min_batch_size: int
    drop_last: bool
    padding: bool

    def sizes(self, bins: Sequence[int]) -> list[int]:
        """Return sizes of batches of utterances with these numbers of bins, from short to long."""
        sizes = list(self._full(bins))
        left_over = len(bins) - sum(sizes)
        if left_over and not (self.drop_last and sizes):
            sizes.append(left_over)
        return without_small_last(sizes, self.min_batch_size, first=-1)

    def _full(self, bins: Sequence[int]) -> Iterator[int]:
        size = total = 0
        for count in bins:
            size += 1
            total += count
            # Utterances are sorted from short to long, so the last one determines the padding.
            used = size * count if self.padding else total
            if used > self.batch_bins and size >= self.min_batch_size:
                yield size
                size = total = 0


def filled(
    shape_files: Sequence[str],
    filling: Filling,
    bins: Callable[[Sequence[int]], int],
    sort_in_batch: str,
    sort_batch: str,
) -> list[Sequence[str]]:
    """Make batches of the utterances of `shape_files`; `bins` counts the bins of a shape."""
    require_at_least_one(batch_bins=filling.batch_bins, min_batch_size=filling.min_batch_size)
    require_orders(sort_in_batch=sort_in_batch, sort_batch=sort_batch)
    tables = read_same_shapes(shape_files)
    utterances = by_length(tables[0])
    sizes = filling.sizes([sum(bins(table[utterance]) for table in tables) for utterance in utterances])
    return ordered(cut(utterances, sizes), sort_in_batch, sort_batch)
