"""Dictionary with its size in memory."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any


def get_size(obj: Any, seen: set[int] | None = None) -> int:
    """Size in bytes of an object and its contents, each counted once; tensors with their elements."""
    seen = set() if seen is None else seen
    if id(obj) in seen:
        return 0
    seen.add(id(obj))
    size = sys.getsizeof(obj)
    if isinstance(obj, dict):
        size += sum(get_size(name, seen) + get_size(value, seen) for name, value in obj.items())
    elif isinstance(obj, list | tuple | set | frozenset):
        size += sum(get_size(item, seen) for item in obj)
    elif hasattr(obj, "element_size") and hasattr(obj, "nelement"):  # the elements of a tensor
        size += obj.element_size() * obj.nelement()
    elif hasattr(obj, "__dict__"):
        size += get_size(vars(obj), seen)
    return size


class SizedDict(MutableMapping[Any, Any]):
    """A dictionary with `size`, the bytes of its keys and values.

    Args:
        shared: Whether processes share it, and the memory of its tensors; otherwise values are copied.
        data: Initial contents, which are not counted.
    """

    def __init__(self, shared: bool = False, data: Mapping[Any, Any] | None = None) -> None:
        first = {} if data is None else dict(data)
        self.cache: MutableMapping[Any, Any] = multiprocessing.Manager().dict(first) if shared else first
        self.size = 0

    def __setitem__(self, key: Any, value: Any) -> None:
        self.size += sys.getsizeof(key) + get_size(value) - self._held(key)
        self.cache[key] = value

    def __getitem__(self, key: Any) -> Any:
        return self.cache[key]

    def __delitem__(self, key: Any) -> None:
        held = self._held(key)
        del self.cache[key]
        self.size -= held

    def __iter__(self) -> Iterator[Any]:
        return iter(self.cache)

    def __contains__(self, key: object) -> bool:
        return key in self.cache

    def __len__(self) -> int:
        return len(self.cache)

    def _held(self, key: Any) -> int:
        """Bytes of an entry; 0 where there is none."""
        return sys.getsizeof(key) + get_size(self.cache[key]) if key in self.cache else 0
