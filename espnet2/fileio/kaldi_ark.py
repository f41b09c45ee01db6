"""Kaldi's archives: arrays, and recordings as kaldiio writes them, at a given offset.

Formats: https://kaldi-asr.org/doc/io.html and `matrix/compressed-matrix.h` of Kaldi. Nothing is unpickled.
"""

from __future__ import annotations

import io
import re
from typing import BinaryIO

import numpy as np

from espnet2.fileio.arrays import array_of
from espnet2.fileio.audio import CONTAINERS, read_samples

Value = np.ndarray | tuple[int, np.ndarray]

# Token of a matrix or vector -> dtype of its numbers.
MATRICES = {b"FM ": "<f4", b"DM ": "<f8"}
VECTORS = {b"FV ": "<f4", b"DV ": "<f8"}
# Matrices of whole numbers between the smallest and the largest value: token -> dtype.
SCALED = {b"CM2": "<u2", b"CM3": "u1"}
PICKLED = b"PKL"
BLOCK = 1 << 24  # bytes that are read at once
# Programs that write WAV to a pipe put a size of at least this into the header: the size is unknown.
UNKNOWN = 0x7FFFFF00
RANGE = re.compile(r"(?P<place>.*)\[(?P<rows>[\d:]*)(?:,(?P<columns>[\d:]*))?\]$")


def split_range(listed: str) -> tuple[str, tuple[slice, ...]]:
    """Split `feats.ark:12[0:9]` into `feats.ark:12` and the range of rows, or of rows and columns.

    As in Kaldi, ranges include their end. Raises `ValueError` for an incomplete or empty range.
    """
    found = RANGE.fullmatch(listed)
    if found is None:
        return listed, ()
    rows, columns = found["rows"], found["columns"]
    return found["place"], tuple(_slice(text) for text in (rows, columns) if text is not None)


def _slice(text: str) -> slice:
    if text in ("", ":"):
        return slice(None)
    numbers = text.split(":")
    if len(numbers) > 2 or "" in numbers or int(numbers[-1]) < int(numbers[0]):
        raise ValueError(f"the range {text}, which is not FIRST:LAST")
    return slice(int(numbers[0]), int(numbers[-1]) + 1)


def part_of(array: np.ndarray, ranges: tuple[slice, ...]) -> np.ndarray:
    """Select a range from `split_range` of an array; raises `ValueError` for one behind its end."""
    found = array[ranges]
    if array.size and not found.size:
        raise ValueError(f"an array of {' x '.join(map(str, array.shape))}, which ends before the range")
    return found


def read_ark(file: BinaryIO, dtype: str, name: str) -> Value:
    """Read a matrix (T, D), a vector (T,), or (sampling rate in Hz, samples (T,) or (T, C)) of a recording.

    Args:
        file: File at the beginning of the value, after its key.
        dtype: dtype of samples.
        name: Name of the recording in errors.

    Raises:
        AudioError: The value is a recording that cannot be read.
        ValueError: It is something else.
    """
    start = file.read(5)
    if start[:2] == b"\0B":
        return _binary(start[2:] + file.read(1), file)
    if start == b"AUDIO":
        return _recording(_sized(file), dtype, name)
    if start[:3] == b"NPY":
        file.seek(3 - len(start), io.SEEK_CUR)
        return array_of(_sized(file))
    if start.startswith(CONTAINERS):
        return _recording(start + _container(start, file), dtype, name)
    if start[:3] == PICKLED:
        raise ValueError("a pickled Python object, which could run code and is not read")
    return _text(start + file.read())


def _recording(content: bytes, dtype: str, name: str) -> tuple[int, np.ndarray]:
    samples, rate = read_samples(io.BytesIO(content), dtype, name=name)
    return rate, samples


def _sized(file: BinaryIO) -> bytes:
    """Read a file in the archive: the number of bytes of its size, its size, and its bytes."""
    return _bytes(file, int.from_bytes(_bytes(file, _bytes(file, 1)[0]), "little"))


def _container(start: bytes, file: BinaryIO) -> bytes:
    """Read the rest of a recording. A WAV file gives its size, unless it was written to a pipe."""
    if start[:4] != b"RIFF":
        return file.read()
    size = _bytes(file, 3)
    length = int.from_bytes(start[4:] + size, "little")
    return size + (_bytes(file, length) if 0 < length < UNKNOWN else file.read())


def _binary(token: bytes, file: BinaryIO) -> np.ndarray:
    matrix, vector = MATRICES.get(token[:3]), VECTORS.get(token[:3])
    if matrix is not None or vector is not None:
        file.seek(3 - len(token), io.SEEK_CUR)
    if matrix is not None:
        rows, columns = _count(file), _count(file)
        return _numbers(file, matrix, rows * columns).reshape(rows, columns)
    if vector is not None:
        return _numbers(file, vector, _count(file))
    if token[:2] == b"CM":
        return _compressed(token, file)
    if token[:1] == b"\4":  # a vector of whole numbers, each with its size
        rest = token[1:] + _bytes(file, 1)
        return _numbers(file, np.dtype([("size", "u1"), ("value", "<i4")]), int.from_bytes(rest, "little"))["value"]
    raise ValueError(f"a value of type {token!r}")


def _compressed(token: bytes, file: BinaryIO) -> np.ndarray:
    file.seek((3 if token[2:3] == b" " else 4) - len(token), io.SEEK_CUR)
    lowest, span = _numbers(file, "<f4", 2)
    rows, columns = _numbers(file, "<i4", 2)
    if token[:3] in SCALED:
        dtype = SCALED[token[:3]]
        levels = _numbers(file, dtype, rows * columns).reshape(rows, columns)
        return lowest + span * (levels / np.float32(np.iinfo(dtype).max)).astype(np.float32)
    # Each column has its values at percentiles 0, 25, 75 and 100; bytes are linear in between.
    percentiles = lowest + span * _numbers(file, "<u2", columns * 4).reshape(columns, 4).astype(np.float32) / 65535
    levels = _numbers(file, "u1", rows * columns).reshape(columns, rows)
    found = [np.interp(column, (0, 64, 192, 255), values) for column, values in zip(levels, percentiles, strict=True)]
    return np.array(found, np.float32).reshape(columns, rows).T


def _count(file: BinaryIO) -> int:
    """Read an integer, which follows a byte with its size."""
    return int.from_bytes(_bytes(file, 5)[1:], "little")


def _numbers(file: BinaryIO, dtype: str | np.dtype, count: int) -> np.ndarray:
    return np.frombuffer(_bytes(file, int(count) * np.dtype(dtype).itemsize), dtype).copy()


def _bytes(file: BinaryIO, count: int) -> bytes:
    if count < 0:
        raise ValueError(f"an array of {count} bytes")
    found = bytearray()
    while len(found) < count:  # in blocks, since the count of a damaged file asks for all memory
        block = file.read(min(BLOCK, count - len(found)))
        if not block:
            raise ValueError(f"the end of the file, {count - len(found)} bytes too early")
        found += block
    return bytes(found)


def _text(content: bytes) -> np.ndarray:
    """Read text: `[ 1 2 ]` is a vector; several lines are a matrix."""
    inside, bracket, _ = content.partition(b"]")
    before, opened, numbers = inside.partition(b"[")
    if not bracket or not opened or before.strip():
        raise ValueError("something else")
    lines = numbers.decode("ascii").strip("\r\n ").splitlines()
    rows = [np.array(line.split(), np.float32) for line in lines]
    return np.stack(rows) if numbers.lstrip(b" ").startswith((b"\n", b"\r")) else rows[0]
