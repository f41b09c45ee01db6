"""Limit of the size of models: numbers in a config determine it, and configs come from strangers."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from espnet2.interface.errors import ConfigError

LARGEST = 100_000  # an option of a constructor; the largest known are some ten thousands
MOST_LAYERS = 1000  # the deepest published models have fewer than a hundred
LAYERS = re.compile(r"(num_|n|[wb])?(blocks|layers?)(_sd)?")  # names of options that are numbers of layers
SIZELESS = ("max_pos_emb_len",)  # options that no tensor is as large as
MOST_TENSORS = 100_000  # a thousand layers of a hundred
NO_MEMORY_KNOWN = 64 << 30  # bytes
# Bytes of a model for each byte of its weights, which may have half its precision, with what it computes of them while
# it is built; and bytes of tables that it computes whatever its weights are.
HELD, FREE = 8, 256 << 20


def require_sizes(section: str, conf: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for a whole number that is no size of a model's part."""
    for name, value in conf.items():
        if name not in SIZELESS:
            _require_size(f"{section}.{name}", value, MOST_LAYERS if LAYERS.fullmatch(str(name)) else LARGEST)


def _require_size(name: str, value: Any, most: int) -> None:
    """Raise `ConfigError` for numbers above `most`; those in a list are sizes or indices, not numbers of layers."""
    if isinstance(value, Mapping):
        require_sizes(name, value)
    elif isinstance(value, list | tuple):
        for item in value:
            _require_size(name, item, LARGEST)
    elif isinstance(value, int) and abs(value) > most:
        raise ConfigError(f"{name}: expected a number of at most {most}, found {_number(value)}")


def _number(value: int) -> str:
    return str(value) if value.bit_length() < 64 else f"one of {value.bit_length()} bits"


class _Count(TorchDispatchMode):
    """Counter of the bytes of new tensors, which are added before each is allocated; `room` says what has so many."""

    def __init__(self, most_bytes: int, room: str) -> None:
        super().__init__()
        self.most_bytes, self.room, self.bytes, self.tensors = most_bytes, room, 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        size = args[0] if args else None
        makes = isinstance(size, list | tuple) and all(isinstance(axis, int) for axis in size)
        if makes and str(kwargs.get("device")) != "meta":
            self._add(list(size or ()), kwargs.get("dtype") or torch.get_default_dtype())
        return func(*args, **kwargs)

    def _add(self, size: Sequence[int], dtype: torch.dtype) -> None:
        self.tensors += 1
        self.bytes += math.prod(size) * dtype.itemsize
        if self.tensors > MOST_TENSORS:
            raise ConfigError(f"expected a model of at most {MOST_TENSORS} tensors, found more; look at its layers")
        if self.bytes > self.most_bytes:
            raise ConfigError(f"expected a model that {self.room}, found a larger one")


def _memory() -> int:
    """Return the bytes of this machine's memory."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return NO_MEMORY_KNOWN


@contextmanager
def bounded(weights: str | Path | None = None) -> Iterator[None]:
    """Raise `ConfigError` where a model built inside exceeds this machine's memory, or has too many tensors.

    One that is to be filled from a file of `weights` has no more bytes than `FREE` and `HELD` for each of the file.
    """
    most = _memory()
    room = f"the memory here ({most / 2**30:.3g} GiB) can hold"
    stored = _size(weights)
    if stored is not None and FREE + HELD * stored < most:
        most, room = FREE + HELD * stored, f"the weights, {stored} bytes, can fill"
    with _Count(most, room):
        yield


def _size(path: str | Path | None) -> int | None:
    """Return the bytes of a file; None where there is none."""
    try:
        return None if path is None else os.stat(path).st_size
    except (OSError, ValueError):
        return None
