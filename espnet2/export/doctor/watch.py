"""Record of a module that runs in PyTorch: values that become Python numbers, tensors that change, random numbers.

Whatever way an author writes it, `int(x)`, `if x`, `range(x)` and `x.item()` call one of a few methods of tensors,
in the module or in whatever it calls; the line is on the stack.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from espnet2.export.doctor.stack import authors_stack
from espnet2.export.nodes import Frame

READS = {
    "item": "item",
    "tolist": "tolist",
    "__int__": "int_of_tensor",
    "__float__": "int_of_tensor",
    "__complex__": "int_of_tensor",
    "__index__": "number_from_tensor",
    "__bool__": "branch_on_value",
    "__contains__": "branch_on_value",
    "is_nonzero": "branch_on_value",
    "equal": "branch_on_value",
    "allclose": "branch_on_value",
    "numpy": "numpy_call",
    "__array__": "numpy_call",
    "from_numpy": "numpy_call",
    "_pack_padded_sequence": "packed_sequence",
    "_pad_packed_sequence": "packed_sequence",
    "__iter__": "loop_over_axis",
}
SIZED = ("nonzero", "argwhere", "masked_select", "unique", "unique_consecutive", "_unique2")
DRAWN = ("rand", "normal", "bernoulli", "multinomial", "exponential", "uniform_", "gumbel_softmax", "poisson")
COUNTS = ("arange", "zeros", "ones", "full", "linspace", "eye", "narrow", "new_zeros", "new_ones", "hann_window")


@dataclass(frozen=True)
class Call:
    """A call that breaks a consideration, or may: its function and the author's lines, the innermost last."""

    consideration: str
    function: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class Table:
    """A table of positions, of which `read` rows of `rows` were taken; `embedding`: by numbers from 0 on."""

    rows: int
    read: int
    frame: Frame
    embedding: bool


class Watch(TorchFunctionMode):
    """Calls of interest while a module runs inside.

    Args:
        inputs: Tensors that belong to the caller.
        owned: The module's parameters and buffers.

    Attributes:
        calls: In the order in which they were made.
        codes: The author's functions that called PyTorch, in the order in which they were first seen.
        tables: Tables among `owned` of which the first rows were read.
    """

    def __init__(self, inputs: Iterable[torch.Tensor], owned: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.codes: dict[CodeType, None] = {}
        self.tables: list[Table] = []
        self._owners = {_storage(tensor): "state_of_module" for tensor in owned}
        self._owners |= {_storage(tensor): "in_place" for tensor in inputs}
        self._owners.pop(0, None)  # tensors without elements

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if name in ("__get__", "__set__"):
            return function(*args, **kwargs)
        stack = authors_stack(sys._getframe(1), self.codes)
        given = list(_tensors((args, kwargs)))
        versions = [tensor._version for tensor in given]
        result = function(*args, **kwargs)
        changed = [t for t, version in zip(given, versions, strict=True) if t._version != version]
        found = [self._owners[_storage(tensor)] for tensor in changed if _storage(tensor) in self._owners]
        found += _kinds(name, args, kwargs)
        found += _dtypes(given, result)
        self.calls += [Call(kind, name, stack) for kind in found]
        if stack and any(self._owners.get(_storage(tensor)) == "state_of_module" for tensor in given):
            self.tables += _tables(name, given, result, stack[-1])
        return result


def _tables(name: str, given: Sequence[torch.Tensor], result: Any, frame: Frame) -> list[Table]:
    if name == "embedding" and len(given) == 2 and given[0].dim():
        row = given[0].reshape(-1, given[0].shape[-1])[0]
        if len(row) > 2 and torch.equal(row - row[0], torch.arange(len(row))):
            return [Table(given[1].shape[0], len(row), frame, embedding=True)]
    if name in ("__getitem__", "narrow") and isinstance(result, torch.Tensor) and result.dim() == given[0].dim():
        cut = [(size, part) for size, part in zip(given[0].shape, result.shape, strict=True) if size > part > 2]
        return [Table(size, part, frame, embedding=False) for size, part in cut[:1]]
    return []


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _tensors(values: Any) -> Iterable[torch.Tensor]:
    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, Mapping):
        yield from _tensors(list(values.values()))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)
    elif isinstance(values, slice):
        yield from _tensors((values.start, values.stop, values.step))


def _kinds(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[str]:
    """Considerations that a call may break by what it is."""
    if name in READS:
        return [READS[name]]
    if name in SIZED or (name == "where" and len(args) == 1) or (name == "__getitem__" and _has_booleans(args[1])):
        return ["data_dependent_size"]
    if name == "repeat_interleave" and list(_tensors(args[1:])):
        return ["data_dependent_size"]
    if name == "__format__" and args[1]:  # f"{x:.3f}" makes a number, f"{x}" prints whatever it is
        return ["item"]
    if name == "__getitem__" and any(isinstance(item, slice) and list(_tensors(item)) for item in _items(args[1])):
        return ["number_from_tensor"]
    if name in COUNTS and any(tensor.dim() == 0 for tensor in _tensors(args[name in ("narrow", "new_zeros") :])):
        return ["number_from_tensor"]
    dropped = "dropout" in name and _given(args, kwargs, 2, "training", name == "dropout")
    if (dropped and _given(args, kwargs, 1, "p", 0.5) > 0) or name.startswith(DRAWN):
        return ["random_numbers"]
    if name == "batch_norm" and _given(args, kwargs, 5, "training", False):
        return ["batch_statistics"]
    return []


def _given(args: Sequence[Any], kwargs: Mapping[str, Any], index: int, name: str, default: Any) -> Any:
    return args[index] if len(args) > index else kwargs.get(name, default)


def _items(index: Any) -> Sequence[Any]:
    return index if isinstance(index, tuple) else (index,)


def _has_booleans(index: Any) -> bool:
    return any(isinstance(item, torch.Tensor) and item.dtype == torch.bool for item in _items(index))


def _dtypes(given: Sequence[torch.Tensor], result: Any) -> list[str]:
    """Kinds of numbers that a call makes of others."""
    found = [tensor for tensor in _tensors(result)]
    before = {tensor.dtype for tensor in given}
    made = {tensor.dtype for tensor in found} - before
    doubled = any(tensor.dtype == torch.float64 for tensor in found) and before != {torch.float64}
    return ["complex_numbers"] * any(dtype.is_complex for dtype in made) + ["double_precision"] * doubled
