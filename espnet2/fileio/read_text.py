"""Kaldi-style tables: one line per key, the key first."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from espnet2.interface.errors import DataError, OptionError
from espnet2.utils.text_file import lines_of

# Name -> type of the numbers, and their separator (None: white space).
NUMBERS: dict[str, tuple[Callable[[str], float], str | None]] = {
    "text_int": (int, None),
    "csv_int": (int, ","),
    "text_float": (float, None),
    "csv_float": (float, ","),
}


def read_2columns_text(path: Path | str, keys_to_load: Collection[str] | None = None) -> dict[str, str]:
    """Read a table: key → rest of its line (possibly empty or with spaces), for all keys or those of `keys_to_load`.

    Raises:
        DataError: The file cannot be read, a line has no key, or a key comes twice.
    """
    table = {key: value for _, key, value in _entries(path)}
    return {key: value for key, value in table.items() if keys_to_load is None or key in keys_to_load}


def read_multi_columns_text(
    path: Path | str, return_unsplit: bool = False
) -> tuple[dict[str, list[str]], dict[str, str] | None]:
    """Read a table: key → its columns (`[""]` if there is none), and key → rest of its line, or None.

    Args:
        path: Lines such as `utt1 channel1.wav channel2.wav`.
        return_unsplit: Also return the second mapping.

    Raises:
        DataError: As `read_2columns_text`.
    """
    table = read_2columns_text(path)
    return {key: value.split() or [""] for key, value in table.items()}, table if return_unsplit else None


def read_label(path: Path | str) -> dict[str, list[list[str]]]:
    """Read a table: key → [start, end, label] of each part of its line, as text.

    Args:
        path: Lines such as `utt1 0.5 1.2 a 1.2 1.5 b`.

    Raises:
        DataError: As `read_2columns_text`, or the columns of a line are no triples.
    """
    found = {}
    for key, value in read_2columns_text(path).items():
        items = value.split()
        if len(items) % 3:
            raise DataError(f"{path}: {key}: expected repeated 'start end label', found {len(items)} words")
        found[key] = [items[place : place + 3] for place in range(0, len(items), 3)]
    return found


def load_num_sequence_text(path: Path | str, loader_type: str = "csv_int") -> dict[str, list[float]]:
    """Read a table: key → one or more numbers.

    Args:
        path: Lines such as `utt1 1243,80`.
        loader_type: text_int, text_float (numbers separated by spaces), csv_int or csv_float (by commas).

    Raises:
        DataError: The file cannot be read or has no line, or a line has no key, no numbers, or a repeated key.
        OptionError: An unknown `loader_type`.
    """
    if loader_type not in NUMBERS:
        raise OptionError(f"loader_type: expected one of {', '.join(NUMBERS)}, found {loader_type!r}")
    number_type, separator = NUMBERS[loader_type]
    table = {}
    for number, key, value in _entries(path):
        try:
            table[key] = [number_type(item) for item in value.split(separator)]
            if not table[key]:
                raise ValueError
        except ValueError as error:
            between = "spaces" if separator is None else "commas"
            raise DataError(
                f"{path}, line {number}: expected {number_type.__name__} numbers separated by {between} "
                f"after {key}, found {value!r}"
            ) from error
    if not table:
        raise DataError(f"{path}: expected lines of numbers, found an empty file")
    return table


def require_keys(path: Path | str, table: Collection[str], reference: Path | str, keys: Collection[str]) -> None:
    """Raise `DataError` if the table read from `path` lacks some of the `keys` of `reference`."""
    missing = [key for key in keys if key not in table]
    if missing:
        more = "" if len(missing) <= 3 else f" and {len(missing) - 3} more"
        raise DataError(
            f"{path}: expected all utterances of {reference}, found none for {', '.join(missing[:3])}{more}"
        )


def found_path(listed: str, table: Path) -> str:
    """Find a file that `table` lists: as listed if that exists, otherwise relative to the table or a directory above
    it."""
    if os.path.exists(listed):  # false for names that are too long
        return listed
    places = (table.parent, *table.resolve().parents)
    found = (place / listed for place in places if os.path.exists(place / listed))
    return str(next(found, listed))


def require_values(path: Path | str, table: Mapping[str, str], expected: str) -> None:
    """Raise `DataError` if a key of the table read from `path` has no value."""
    for key, value in table.items():
        if not value:
            raise DataError(f"{path}: {key}: expected {expected}, found nothing")


def _entries(path: Path | str) -> Iterator[tuple[int, str, str]]:
    seen: set[str] = set()
    for number, line in enumerate(lines_of(path, "a text file in UTF-8", DataError), 1):
        key, value = [*line.rstrip().split(maxsplit=1), "", ""][:2]
        if not key:
            raise DataError(f"{path}, line {number}: expected 'key value', found an empty line")
        if key in seen:
            raise DataError(f"{path}, line {number}: expected each key once, found {key!r} again")
        seen.add(key)
        yield number, key, value
