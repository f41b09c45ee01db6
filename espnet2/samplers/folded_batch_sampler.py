"""`folded`: smaller batches for longer utterances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from espnet2.interface.errors import OptionError
from espnet2.samplers.abs_sampler import AbsSampler
from espnet2.samplers.batching import (
    Shapes,
    by_length,
    cut,
    ordered,
    read_same_shapes,
    require_at_least_one,
    require_orders,
    without_small_last,
)


class FoldedBatchSampler(AbsSampler):
    """Sampler of batches of `batch_size / (1 + length // fold_length)` utterances; the shortest one decides.

    Args:
        batch_size: Size of a batch of short utterances.
        shape_files: Lines such as `utt1 1243,80`; the first number counts. The first file gives the order.
        fold_lengths: For each file, the length at which the batch has half as many utterances, then a third, ...
        min_batch_size: Smallest size of a batch; a smaller last batch is distributed over the others.
        sort_in_batch: ascending or descending, of the lengths in a batch.
        sort_batch: ascending or descending, of the batches.
        drop_last: Has no effect, as in upstream: no utterance is dropped.

    Raises:
        DataError: A file cannot be read, has no or a broken line, lists other utterances, or one of them twice.
    """

    def __init__(
        self,
        batch_size: int,
        shape_files: Sequence[str],
        fold_lengths: Sequence[int],
        min_batch_size: int = 1,
        sort_in_batch: str = "descending",
        sort_batch: str = "ascending",
        drop_last: bool = False,
    ) -> None:
        require_at_least_one(batch_size=batch_size, min_batch_size=min_batch_size)
        require_orders(sort_in_batch=sort_in_batch, sort_batch=sort_batch)
        if len(fold_lengths) != len(shape_files):
            raise OptionError(
                f"fold_lengths: expected one for each of the {len(shape_files)} shape files, found {len(fold_lengths)}"
            )
        for length in fold_lengths:
            require_at_least_one(fold_lengths=length)
        tables = read_same_shapes(shape_files)
        utterances = by_length(tables[0])
        sizes = list(_sizes(utterances, tables, fold_lengths, batch_size, min_batch_size))
        sizes = without_small_last(sizes, min_batch_size, first=-2)
        super().__init__(ordered(cut(utterances, sizes), sort_in_batch, sort_batch))


def _sizes(
    utterances: Sequence[str],
    tables: Sequence[Shapes],
    fold_lengths: Sequence[int],
    batch_size: int,
    min_batch_size: int,
) -> Iterator[int]:
    start = 0
    while start < len(utterances):
        shortest = utterances[start]
        folds = max(table[shortest][0] // length for table, length in zip(tables, fold_lengths, strict=True))
        size = min(max(batch_size // (1 + folds), min_batch_size), len(utterances) - start)
        yield size
        start += size
