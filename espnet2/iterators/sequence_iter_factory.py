"""Whole utterances in batches, shuffled from epoch to epoch."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from espnet2.interface.errors import DataError, EspnetError, OptionError
from espnet2.iterators.abs_iter_factory import AbsIterFactory

MOST_WORKERS = 1024  # more than any machine has cores; a number above is a slip


@dataclass(frozen=True)
class Failure:
    """Error of a worker process, passed to the main process as an object, since PyTorch would turn a raised one into
    text."""

    error: EspnetError


class EpochDataset(Dataset[Any]):
    """Data set from an index in an epoch to a collated batch, or a `Failure`.

    Random operations of a data set are seeded for each utterance, so that they do not depend on the process that loads
    it, nor on what was loaded before.
    """

    def __init__(
        self, dataset: Any, batches: Sequence[Sequence[str]], collate: Callable[[list[Any]], Any], seed: tuple[int, int]
    ) -> None:
        self.dataset = dataset
        self.batches = batches
        self.collate = collate
        self.seed = seed
        self.reseed = getattr(dataset, "reseed", None)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, place: int) -> Any:
        try:
            return self.collate([self._utterance(place, utterance) for utterance in self.batches[place]])
        except EspnetError as error:
            return Failure(error)

    def _utterance(self, place: int, utterance: str) -> Any:
        if self.reseed is not None:
            self.reseed((*self.seed, place, zlib.crc32(utterance.encode())))
        return self.dataset[utterance]


class EpochIterator:
    """Iterator over the batches of an epoch, with a length; raises the `EspnetError` of a worker process."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self.loader = loader

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        for batch in self.loader:
            if isinstance(batch, Failure):
                raise batch.error
            yield batch


class SequenceIterFactory(AbsIterFactory):
    """Iterator factory over batches of whole utterances.

    The order depends on `seed` and the epoch alone, and is upstream's. With `num_iters_per_epoch`, successive epochs go
    through all batches, which are shuffled again whenever all have been used.

    Args:
        dataset: Utterance -> item.
        batches: Utterances of each batch.
        num_iters_per_epoch: Batches of an epoch; default: all.
        seed: Seed of the order, and of random operations of the data set.
        shuffle: Change the order of the batches from epoch to epoch.
        shuffle_within_batch: Refused unless false.
        num_workers: Number of loading processes; 0: load in the calling one.
        collate_fn: Items -> batch; default: PyTorch's, which makes tensors of numbers and arrays of one shape.
        pin_memory: Put tensors into pinned memory, if there is a GPU.
        rank: Rank of this process among `world_size` ones that train together. Each gets every `world_size`-th
            utterance of each batch.

    Raises:
        DataError: A batch has an utterance that the data set lacks.
        OptionError: A number out of its range, or a batch with fewer utterances than processes.
    """

    def __init__(
        self,
        dataset: Any,
        batches: Iterable[Sequence[str]],
        num_iters_per_epoch: int | None = None,
        seed: int = 0,
        shuffle: bool = False,
        shuffle_within_batch: bool = False,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if shuffle_within_batch:
            raise OptionError(f"shuffle_within_batch: expected False, found {shuffle_within_batch!r}")
        if not 0 <= num_workers <= MOST_WORKERS:
            raise OptionError(f"num_workers: expected a number from 0 to {MOST_WORKERS}, found {num_workers}")
        self.dataset = dataset
        self.num_iters_per_epoch = num_iters_per_epoch
        self.seed = seed
        self.shuffle = shuffle
        self.num_workers = num_workers
        self.collate_fn = default_collate if collate_fn is None else collate_fn
        self.pin_memory = pin_memory and torch.cuda.is_available()
        self.batches = _of_rank(list(batches), rank, world_size)
        if num_iters_per_epoch is not None and num_iters_per_epoch < 1:
            raise OptionError(f"num_iters_per_epoch: expected at least 1, found {num_iters_per_epoch}")
        _require_utterances(dataset, self.batches)

    def build_iter(self, epoch: int, shuffle: bool | None = None) -> EpochIterator:
        """Make the iterator over the batches of an epoch, counted from 1; `shuffle` overrides that of the
        constructor."""
        batches = self.epoch_batches(epoch, self.shuffle if shuffle is None else shuffle)
        # Items are whole batches: the loader neither samples nor collates.
        loader: DataLoader[Any] = DataLoader(
            EpochDataset(self.dataset, batches, self.collate_fn, (self.seed, epoch)),
            batch_size=None,
            num_workers=self.num_workers,
            pin_memory=self.pin_memory,
        )
        return EpochIterator(loader)

    def epoch_batches(self, epoch: int, shuffle: bool) -> list[Sequence[str]]:
        """The batches of an epoch in order."""
        if self.num_iters_per_epoch is None:
            return self._round(epoch, shuffle)
        total = len(self.batches)
        start = (epoch - 1) * self.num_iters_per_epoch
        end = start + self.num_iters_per_epoch
        rounds = range(start // total, (end - 1) // total + 1)
        following = [batch for index in rounds for batch in self._round(index, shuffle)]
        skipped = start % total
        return following[skipped : skipped + self.num_iters_per_epoch]

    def _round(self, index: int, shuffle: bool) -> list[Sequence[str]]:
        if not shuffle:
            return self.batches
        order = np.random.RandomState(self.seed + index).permutation(len(self.batches))
        return [self.batches[place] for place in order]


def _of_rank(batches: Sequence[Sequence[str]], rank: int, world_size: int) -> list[Sequence[str]]:
    if not batches:
        raise DataError("batches: expected at least one, found none")
    if not 0 <= rank < world_size:
        raise OptionError(f"rank: expected 0 to {world_size - 1} of {world_size} processes, found {rank}")
    smallest = min(len(batch) for batch in batches)
    if smallest < world_size:
        raise OptionError(
            f"min_batch_size: expected batches of at least {world_size} utterances for {world_size} processes, "
            f"found one of {smallest}"
        )
    return [batch[rank::world_size] for batch in batches]


def _require_utterances(dataset: Any, batches: Iterable[Sequence[str]]) -> None:
    # `in` on another data set would iterate over its integer keys.
    if not hasattr(dataset, "__contains__"):
        return
    missing = [utterance for batch in batches for utterance in batch if utterance not in dataset]
    if missing:
        some = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise DataError(f"{dataset}: expected all utterances of the shape files, found none for {some}")
