"""Reading of what `torch.save` wrote, possibly by a stranger: the one place that calls `torch.load`."""

from __future__ import annotations

import errno
import io
import pickle
import re
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import torch

from espnet.nets.pytorch_backend.pickle_check import UnboundedError, require_harmless
from espnet2.interface.errors import reason_of
from espnet2.interface.foreign_file import BoundedReads, opened, size_of

DAMAGED = " a file that is truncated or damaged"
MOST_REPEATED = 1 << 24  # elements of a tensor that are fewer in its file, as those of an expanded one
REAL = (
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.bool),
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
)
PICKLE = "data.pkl"  # end of the name of an archive's content, in any case
MOST_LISTED = 1 << 24  # bytes of the list of an archive's parts: those of 100,000 tensors
PICKLES = 5  # at the beginning of a file that is no archive: magic number, protocol, system, content, keys
_CLASS = re.compile(r"GLOBAL (\w+(?:\.\w+)+)")  # the name has no dot for a text file that starts with c


class UnreadableError(ValueError):
    """A file that is not read: what comes behind the word `found`, and the `wanted` class whose code it would run."""

    def __init__(self, found: str, wanted: str = "") -> None:
        super().__init__(found)
        self.found, self.wanted = found, wanted


def read_saved(path: str | Path, allowed: Sequence[Any] = ()) -> Any:
    """Read a file of `torch.save` without running code from it.

    Args:
        path: The file.
        allowed: Classes that it may hold beside tensors and plain values.

    Raises:
        UnreadableError: Whatever is wrong with it.
    """
    try:
        try:
            size = size_of(path, "MODEL_BYTES")
        except ValueError as error:  # a device, a pipe, too many bytes
            raise UnreadableError(f" {error}") from error
        _require_honest_sizes(path, size)
        source = _harmless(path)
        # PyTorch warns about the protocol of a plain pickle before it refuses it; the refusal is the message to show.
        with warnings.catch_warnings(), torch.serialization.safe_globals(list(allowed)):
            warnings.simplefilter("ignore")
            return torch.load(source, map_location="cpu", weights_only=True)
    except UnreadableError:
        raise
    except UnboundedError as error:
        raise UnreadableError(f" {error}") from error
    except OSError as error:
        # PyTorch seeks before the beginning of a truncated archive.
        damaged = error.errno in (None, errno.EINVAL)
        raise UnreadableError(DAMAGED if damaged else f": {reason_of(error).lower()}") from error
    except Exception as error:  # PyTorch's reader raises whatever the bytes of a damaged file lead it to
        wanted = _CLASS.search(str(error))
        or_pickle = ", or a plain pickle" if isinstance(error, pickle.UnpicklingError) else ""
        raise UnreadableError(DAMAGED + or_pickle, wanted[1] if wanted else "") from error


def _require_honest_sizes(path: str | Path, size: int) -> None:
    """Raise `UnreadableError` for an archive whose parts are larger than it is: PyTorch compresses none of them."""
    if not zipfile.is_zipfile(path):
        return
    with opened(path, "MODEL_BYTES") as file, zipfile.ZipFile(BoundedReads(file, MOST_LISTED)) as archive:
        held = sum(info.file_size for info in archive.infolist())
    if held > size:
        raise UnreadableError(f" an archive of {size} bytes whose parts claim to have {held}")


def _harmless(path: str | Path) -> str | BinaryIO:
    """The file, or what is in front of its first damaged pickle, for PyTorch to say what is wrong with it.

    Raises `UnboundedError`, `UnreadableError` where nothing is in front of it, and others for a damaged archive.
    """
    with opened(path, "MODEL_BYTES") as file:
        if file.read(4) == b"PK\3\4":
            with zipfile.ZipFile(file) as archive:
                for info in archive.infolist():
                    if info.filename.lower().endswith(PICKLE):
                        require_harmless(io.BytesIO(archive.read(info)))
            return str(path)
        end = 0
        for _ in range(PICKLES):
            file.seek(end)
            try:
                require_harmless(file)
            except UnboundedError:
                raise
            except (ValueError, LookupError) as error:
                file.seek(0)
                if not end and file.read(1):
                    raise UnreadableError(f"{DAMAGED}, or a plain pickle") from error
                file.seek(0)
                return io.BytesIO(file.read(end))
            end = file.tell()
    return str(path)


def fault_of(tensor: torch.Tensor) -> str:
    """Reason why a tensor cannot be a weight; "" where it can."""
    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_complex() or tensor.is_quantized:
        return "another kind"
    if tensor.dtype not in REAL:
        return f"numbers of type {str(tensor.dtype).removeprefix('torch.')}"
    stored = tensor.untyped_storage().nbytes()
    if tensor.numel() > MOST_REPEATED and tensor.numel() * tensor.element_size() > stored:
        return f"{tensor.numel()} elements in {stored} bytes"
    return ""
