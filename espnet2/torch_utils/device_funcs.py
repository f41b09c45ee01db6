"""Moving nested data between devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def to_device(data: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False, copy: bool = False) -> Any:
    """Move the tensors in `data` (dictionaries, lists, tuples, data classes), and convert NumPy arrays to tensors.

    Args:
        data: Other values, and sets, are unchanged.
        device: As for `torch.Tensor.to`; None: do not move.
        dtype: dtype of floating point tensors, or its name; None: unchanged.
        non_blocking, copy: As for `torch.Tensor.to`.
    """
    kind = getattr(torch, dtype.removeprefix("torch.")) if isinstance(dtype, str) else dtype

    def moved(leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray | np.generic):
            leaf = torch.from_numpy(np.asarray(leaf))
        if isinstance(leaf, torch.Tensor):
            return leaf.to(device, kind if leaf.is_floating_point() else None, non_blocking, copy)
        return leaf

    return _mapped(data, moved)


def force_gatherable(data: Any, device: Any) -> Any:
    """Convert results of `forward` to tensors with at least one dimension, so that results of several GPUs can be
    gathered.

    Args:
        data: As for `to_device`. Numbers become tensors (1,): float32, int64.
        device: Device of the result.
    """

    def gatherable(leaf: Any) -> Any:
        if isinstance(leaf, float):
            leaf = torch.tensor([leaf], dtype=torch.float)
        elif isinstance(leaf, int):
            leaf = torch.tensor([leaf], dtype=torch.long)
        elif isinstance(leaf, np.ndarray | np.generic):
            leaf = torch.from_numpy(np.asarray(leaf))
        if isinstance(leaf, torch.Tensor):
            return (leaf[None] if leaf.dim() == 0 else leaf).to(device)
        return leaf

    return _mapped(data, gatherable)


def _mapped(data: Any, change: Callable[[Any], Any]) -> Any:
    """Apply a function to the leaves of a nested structure."""
    if isinstance(data, dict):
        return {name: _mapped(value, change) for name, value in data.items()}
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        values = [getattr(data, field.name) for field in dataclasses.fields(data)]
        return type(data)(*(_mapped(value, change) for value in values))
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(_mapped(value, change) for value in data))
    if isinstance(data, list | tuple):
        return type(data)(_mapped(value, change) for value in data)
    return change(data)
