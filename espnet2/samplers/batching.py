"""Helpers of samplers: shape files, and cutting a sequence of utterances into batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice, pairwise

from espnet2.fileio.read_text import load_num_sequence_text, require_keys
from espnet2.interface.errors import DataError, OptionError

Shapes = dict[str, list[int]]

ORDERS = ("ascending", "descending")


def read_shapes(shape_file: str) -> Shapes:
    """Read utterance → shape, from lines such as `utt1 1243,80`.

    Raises:
        DataError: The file cannot be read, is empty, has an invalid line, a size below 0, or an utterance twice.
    """
    table = load_num_sequence_text(shape_file, "csv_int")
    for number, (utterance, shape) in enumerate(table.items(), 1):
        if min(shape) < 0:
            raise DataError(f"{shape_file}, line {number}: expected sizes of {utterance}, found {min(shape)}")
    return {utterance: [int(size) for size in shape] for utterance, shape in table.items()}


def read_same_shapes(shape_files: Sequence[str]) -> list[Shapes]:
    """Read shape files of the same utterances; raises `DataError` if one lacks an utterance of another."""
    if not shape_files:
        raise OptionError("shape_files: expected at least one file, found none")
    first, tables = shape_files[0], [read_shapes(path) for path in shape_files]
    for path, table in zip(shape_files[1:], tables[1:], strict=True):
        require_keys(path, table, first, tables[0])
        require_keys(first, tables[0], path, table)
    return tables


def require_at_least_one(**values: int) -> None:
    """Raise `OptionError` for a number that is not positive."""
    for name, value in values.items():
        if value < 1:
            raise OptionError(f"{name}: expected at least 1, found {value}")


def require_orders(**values: str) -> None:
    """Raise `OptionError` for an order that is unknown."""
    for name, value in values.items():
        if value not in ORDERS:
            raise OptionError(f"{name}: expected {' or '.join(ORDERS)}, found {value!r}")


def by_length(shapes: Shapes) -> list[str]:
    """Sort utterances from short to long; those of equal length keep the order of the file."""
    return sorted(shapes, key=lambda utterance: shapes[utterance][0])


def cut(utterances: Iterable[str], sizes: Iterable[int]) -> list[list[str]]:
    """Cut consecutive utterances into batches of given sizes."""
    rest = iter(utterances)
    return [list(islice(rest, size)) for size in sizes]


def evenly(utterances: Sequence[str], batch_size: int, drop_last: bool) -> list[list[str]]:
    """Cut into batches of `batch_size`, and distribute the remaining utterances over them, or drop these with
    `drop_last`."""
    number, total = max(len(utterances) // batch_size, 1), len(utterances)
    if drop_last:
        return cut(utterances, [batch_size] * number)
    ends = [index * total // number for index in range(number + 1)]
    return cut(utterances, [end - start for start, end in pairwise(ends)])


def ordered(batches: Iterable[Sequence[str]], sort_in_batch: str, sort_batch: str) -> list[Sequence[str]]:
    """Reverse batches of sorted utterances, and their order, as requested."""
    inside = [batch[::-1] if sort_in_batch == "descending" else batch for batch in batches]
    return inside[::-1] if sort_batch == "descending" else inside


def without_small_last(sizes: Sequence[int], min_batch_size: int, first: int) -> list[int]:
    """Return sizes of batches after distributing a last batch that is too small over the others.

    Args:
        sizes: From short to long utterances.
        min_batch_size: The smallest size that the last batch may have.
        first: The first batch to get an utterance, as an index from the end; the ones before it follow, in turns.
    """
    if len(sizes) < 2 or sizes[-1] >= min_batch_size:
        return list(sizes)
    *kept, left_over = sizes
    for index in range(left_over):
        kept[(first - index) % len(kept)] += 1
    return kept
