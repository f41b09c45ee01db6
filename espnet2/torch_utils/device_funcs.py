"""Nested data on devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def to_device(data: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False, copy: bool = False) -> Any:
    """Move the tensors in `data` (dictionaries, lists, tuples, data classes), and make tensors of NumPy's arrays.

    Args:
        data: What is neither of them is left as it is; so are sets.
        device: As of `torch.Tensor.to`; None: they stay where they are.
        dtype: Of tensors of floating point numbers, as of `torch.Tensor.to`, or its name; None: they keep it.
        non_blocking, copy: As of `torch.Tensor.to`.
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
    """Make what a model's `forward` returns tensors of one dimension or more, which several GPUs' can be joined of.

    Args:
        data: As of `to_device`. Numbers become tensors (1,): float32, int64.
        device: Where tensors are moved.
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
    """The same structure with changed leaves."""
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
