"""`category`: whole utterances in batches that are drawn from categories in each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from espnet2.interface.errors import OptionError
from espnet2.iterators.sequence_iter_factory import EpochIterator, SequenceIterFactory
from espnet2.samplers.category_balanced_sampler import CategoryBalancedSampler

SAMPLERS = {"catbel": CategoryBalancedSampler}


class CategoryIterFactory(SequenceIterFactory):
    """Iterator factory over a sampler of categories, whose seed is the number of the epoch.

    Args:
        dataset: Utterance -> item.
        batches: Utterances of each batch, if there are no `sampler_args`.
        num_iters_per_epoch: See `SequenceIterFactory`.
        seed: Seed of the order of batches.
        sampler_args: Options of the sampler except the epoch.
        batch_type: catbel.
        shuffle, num_workers, collate_fn, pin_memory: See `SequenceIterFactory`.

    Raises:
        OptionError: An unknown `batch_type`, or as in `SequenceIterFactory`.
        DataError: As in the sampler and in `SequenceIterFactory`.
    """

    def __init__(
        self,
        dataset: Any,
        batches: Iterable[Sequence[str]],
        num_iters_per_epoch: int | None = None,
        seed: int = 0,
        sampler_args: Mapping[str, Any] | None = None,
        batch_type: str = "catbel",
        shuffle: bool = False,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
    ) -> None:
        if batch_type not in SAMPLERS:
            raise OptionError(f"batch_type: expected one of {', '.join(SAMPLERS)}, found {batch_type!r}")
        super().__init__(
            dataset,
            batches,
            num_iters_per_epoch,
            seed,
            shuffle,
            num_workers=num_workers,
            collate_fn=collate_fn,
            pin_memory=pin_memory,
        )
        self.sampler_args = None if sampler_args is None else {**sampler_args}
        self.batch_type = batch_type

    def build_iter(self, epoch: int, shuffle: bool | None = None) -> EpochIterator:
        """Make the iterator over the batches of an epoch, counted from 1; `shuffle` overrides that of the
        constructor."""
        if self.sampler_args is not None:
            self.batches = list(SAMPLERS[self.batch_type](**{**self.sampler_args, "epoch": epoch}))
        return super().build_iter(epoch, shuffle)
