"""`chunk`: batches of chunks of utterances, all of one length."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from espnet2.interface.errors import DataError, OptionError
from espnet2.iterators.abs_iter_factory import AbsIterFactory
from espnet2.iterators.sequence_iter_factory import SequenceIterFactory
from espnet2.samplers.batching import require_at_least_one

_log = logging.getLogger(__name__)

Arrays = dict[str, Tensor]
Item = tuple[str, Arrays]
WHOLE = ("utt2category", "utt2fs")  # fields that describe the whole utterance


class ChunkIterFactory(AbsIterFactory):
    """Iterator factory over chunks (Luo and Mesgarani 2018, https://arxiv.org/abs/1711.00541).

    The length of an utterance's chunks is drawn from those of `chunk_length` that are shorter than it. Chunks of one
    length (and of one `utt2category`, if the data has that field) are collected into batches; an incomplete batch at
    the end of the epoch is dropped. Order and lengths are upstream's, and depend on `seed` and epoch.

    Args:
        dataset: Utterance -> (utterance, arrays (T, ...) by name, which have the same T).
        batch_size: Chunks of a batch.
        batches: Utterances in the order in which they are read.
        chunk_length: Frames of a chunk: a number, or numbers and ranges such as `300,500` and `300-500`.
        chunk_shift_ratio: From the start of a chunk to that of the next, as a share of the length.
        num_cache_chunks: Chunks of one length that are collected before batches are made of them.
        num_samples_per_epoch: Number of `batches` in an epoch; default: all.
        seed: Random seed.
        shuffle: Change the order of utterances and chunks, and where the first chunk starts.
        num_workers: Processes that load utterances.
        collate_fn: Utterances -> batch, used if `discard_short_samples` is false; otherwise chunks need no padding.
        pin_memory: See `SequenceIterFactory`.
        excluded_key_prefixes: Names, without trailing digits, of arrays that are not cut: `enroll` stands for `enroll`
            and `enroll12`; each chunk has the whole arrays.
        discard_short_samples: Skip utterances that are too short for a chunk. If false, these are batched whole, with
            padding, and batches have lengths.
        default_fs, chunk_max_abs_length: Refused unless None.

    Raises:
        OptionError: An option has an invalid value.
        DataError: On use, arrays of an utterance differ in length.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        batches: Iterable[Sequence[str]],
        chunk_length: int | str,
        chunk_shift_ratio: float = 0.5,
        num_cache_chunks: int = 1024,
        num_samples_per_epoch: int | None = None,
        seed: int = 0,
        shuffle: bool = False,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        excluded_key_prefixes: Sequence[str] | None = None,
        discard_short_samples: bool = True,
        default_fs: int | None = None,
        chunk_max_abs_length: int | None = None,
    ) -> None:
        for name, value in (("default_fs", default_fs), ("chunk_max_abs_length", chunk_max_abs_length)):
            if value is not None:
                raise OptionError(f"chunk_iter_factory: {name}: expected None, found {value!r}")
        require_at_least_one(batch_size=batch_size)
        self.per_sample_iter_factory = SequenceIterFactory(
            dataset,
            batches,
            num_samples_per_epoch,
            seed,
            shuffle,
            num_workers=num_workers,
            collate_fn=list,
            pin_memory=pin_memory,
        )
        self.batch_size, self.seed, self.shuffle = batch_size, seed, shuffle
        self.chunk_lengths = lengths_of(chunk_length)
        if int(min(self.chunk_lengths) * chunk_shift_ratio) < 1:
            raise OptionError(
                f"chunk_shift_ratio: expected a shift of a frame or more, found {chunk_shift_ratio} of "
                f"{min(self.chunk_lengths)} frames"
            )
        self.chunk_shift_ratio = chunk_shift_ratio
        self.num_cache_chunks = max(num_cache_chunks, batch_size)
        self.collate_fn = collate_fn
        prefixes = "|".join(map(re.escape, (*(excluded_key_prefixes or ()), *WHOLE)))
        self.excluded_key_pattern = f"({prefixes})[0-9]*"
        self.discard_short_samples = discard_short_samples

    def build_iter(self, epoch: int, shuffle: bool | None = None) -> Iterator[Any]:
        """Make the iterator over the batches of an epoch, counted from 1; `shuffle` overrides that of the
        constructor."""
        shuffle = self.shuffle if shuffle is None else shuffle
        rng = np.random.RandomState(epoch + self.seed)
        # Chunks of one category and length; those of utterances that are too short are in a group of their own.
        groups: dict[int | None, dict[int, list[Item]]] = {}
        for utterances in self.per_sample_iter_factory.build_iter(epoch, shuffle):
            for uid, arrays in utterances:
                category = int(arrays["utt2category"].flatten()[0]) if "utt2category" in arrays else None
                found = self._chunks(uid, arrays, rng, shuffle)
                if found is None:
                    continue
                length, chunks = found
                group = groups.setdefault(category, {}).setdefault(length, [])
                group += [(uid, chunk) for chunk in chunks]
                if len(group) > self.num_cache_chunks:
                    yield from self._batches(group, rng, shuffle)
        for of_category in groups.values():
            for group in of_category.values():
                yield from self._batches(group, rng, shuffle)

    def _chunks(
        self, uid: str, arrays: Arrays, rng: np.random.RandomState, shuffle: bool
    ) -> tuple[int, list[Arrays]] | None:
        """Return the length of an utterance's chunks, 0 for the whole utterance, and the chunks; None if it has
        none."""
        names = [name for name in arrays if not re.fullmatch(self.excluded_key_pattern, name)]
        lengths = {name: len(arrays[name]) for name in names}
        if len(set(lengths.values())) != 1:
            raise DataError(f"{uid}: expected arrays of one length to cut into chunks, found {lengths}")
        total = lengths[names[0]]
        candidates = [length for length in self.chunk_lengths if length < total]
        if not candidates:
            if not self.discard_short_samples:
                return 0, [arrays]
            _log.warning("%s: left out, since its length %d is not above %s", uid, total, self.chunk_lengths)
            return None
        length = int(rng.choice(candidates, 1)[0])
        shift = int(length * self.chunk_shift_ratio)
        start = rng.randint(0, (total - length) % shift + 1) if shuffle else 0
        starts = range(start, total - length + 1, shift)
        return length, [
            {name: array[at : at + length] if name in names else array for name, array in arrays.items()}
            for at in starts
        ]

    def _batches(self, group: list[Item], rng: np.random.RandomState, shuffle: bool) -> Iterator[Any]:
        """Take full batches from a group, which keeps the rest."""
        order = np.arange(len(group))
        if shuffle:
            rng.shuffle(order)
        items = [group[place] for place in order]
        full = len(items) // self.batch_size * self.batch_size
        group[:] = items[full:]
        for start in range(0, full, self.batch_size):
            yield self._collated(items[start : start + self.batch_size])

    def _collated(self, items: list[Item]) -> Any:
        if not self.discard_short_samples and self.collate_fn is not None:
            return self.collate_fn(
                [(uid, {name: array.numpy() for name, array in arrays.items()}) for uid, arrays in items]
            )
        batch = {}
        for name in items[0][1]:
            arrays_of_name = [arrays[name] for _, arrays in items]
            shapes = {tuple(array.shape) for array in arrays_of_name}
            if len(shapes) != 1:
                raise DataError(f"{name}: expected one shape in a batch of chunks, found {sorted(shapes)}")
            batch[name] = torch.stack(arrays_of_name)
        return [uid for uid, _ in items], batch


def lengths_of(chunk_length: int | str) -> list[int]:
    """Parse lengths such as `300`, `300,500` and `300-500`; raises `OptionError`."""
    lengths: list[int] = []
    for part in str(chunk_length).split(","):
        found = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if found is None:
            raise OptionError(f"chunk_length: expected a number, 300,500 or 300-500, found {chunk_length!r}")
        lengths += range(int(found[1]), int(found[2] or found[1]) + 1)
    if not lengths or min(lengths) < 1:
        raise OptionError(f"chunk_length: expected numbers above 0, found {chunk_length!r}")
    return lengths
