"""Reading of arrays in numpy's files, which may come from strangers: nothing is unpickled, and no size is believed."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from espnet2.interface.errors import EspnetError, reason_of
from espnet2.interface.foreign_file import opened, size_of
from espnet2.interface.limits import may_expand

HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
NUMBERS = "biufc"  # kinds of dtypes
ARCHIVE = b"PK"


def read_array(path: str | Path, expected: str, error_type: type[EspnetError]) -> np.ndarray:
    """Read the array of numbers in a `.npy` file; raises `error_type` where it is not as `expected`."""
    found = read_arrays(path, expected, error_type)
    if not isinstance(found, np.ndarray):
        raise error_type(f"{path}: expected {expected}, found an archive of arrays")
    return found


def read_arrays(path: str | Path, expected: str, error_type: type[EspnetError]) -> np.ndarray | dict[str, np.ndarray]:
    """Read the array in a `.npy` file, or the arrays in a `.npz` file by name; raises `error_type`."""
    try:
        size = size_of(path, "MODEL_BYTES")
        with opened(path, "MODEL_BYTES") as file:
            start = file.read(len(ARCHIVE))
            file.seek(0)
            return _members(file, size) if start == ARCHIVE else _array(file, size)
    except EspnetError:
        raise
    except Exception as error:  # numpy evaluates headers, zipfile decodes names: a damaged file leads them anywhere
        raise error_type(f"{path}: expected {expected}, found: {reason_of(error)}") from error


def array_of(content: bytes) -> np.ndarray:
    """The array that the contents of a `.npy` file are; raises `ValueError` for another content."""
    try:
        return _array(io.BytesIO(content), len(content))
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(reason_of(error)) from error


def _members(file: BinaryIO, size: int) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        held = sum(member.file_size for member in members)
        if not may_expand(held, size):
            raise ValueError(f"an archive of {size} bytes whose arrays claim to have {held}")
        return {member.filename.removesuffix(".npy"): array_of(archive.read(member)) for member in members}


def _array(file: Any, size: int) -> np.ndarray:
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"an array in version {version} of the format")
    shape, _, dtype = HEADERS[version](file)
    if dtype.kind not in NUMBERS:
        raise ValueError(f"an array of {dtype}, and no numbers")
    left = size - file.tell()
    if any(axis < 0 for axis in shape) or math.prod(shape) * dtype.itemsize > left:
        raise ValueError(f"an array that claims to be of shape {shape}, in {left} bytes")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)
