"""Arrays and tensors: searches compute on numpy arrays, and answer callers that pass PyTorch tensors with tensors.

A tensor is recognised by its methods, so that nothing here imports PyTorch. Scorers get what the encoder
output of a search is: tensors on its device, or arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

_HALF = 2  # bytes


def is_tensor(value: Any) -> bool:
    """Whether `value` is a PyTorch tensor."""
    return hasattr(value, "new_tensor")


def as_array(value: Any) -> np.ndarray:
    """The array in `value`: an array, a tensor, a value that a graph returned, or a sequence of numbers.

    Half precision becomes float32.
    """
    if isinstance(value, np.ndarray):
        return value
    if is_tensor(value):
        value = value.detach()
        value = value.float() if value.is_floating_point() and value.element_size() == _HALF else value
        return value.cpu().numpy()
    return value.numpy() if hasattr(value, "numpy") else np.asarray(value)


def like(x: Any, value: Any) -> Any:
    """`value`, an array or a number, as a tensor on the device of x where x is one; floats get its precision."""
    if not is_tensor(x):
        return value
    array = np.asarray(value)
    kind = x if x.is_floating_point() else x.float()
    return (kind if array.dtype.kind == "f" else kind.new_empty(0).long()).new_tensor(array)


def repeated(x: Any, count: int) -> Any:
    """x (T, D) as a view (count, T, D)."""
    return x.expand(count, *x.shape) if is_tensor(x) else np.broadcast_to(x, (count, *x.shape))


def answers_in_kind(search: Callable[..., Any]) -> Callable[..., Any]:
    """Let a search method give hypotheses with tensors where its encoder output is a tensor."""

    @functools.wraps(search)
    def answer(self: Any, x: Any, *arguments: Any, **keywords: Any) -> Any:
        return [hypothesis.like(x) for hypothesis in search(self, x, *arguments, **keywords)]

    return answer


class NamedModules(Mapping[str, Any]):
    """PyTorch modules by name, as items and as attributes."""

    def __init__(self, modules: Mapping[str, Any]) -> None:
        self._modules = dict(modules)

    def __getitem__(self, name: str) -> Any:
        return self._modules[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._modules:
            raise AttributeError(name)
        return self._modules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


class ModuleScorers:
    """The methods of PyTorch modules that scripts call on a search: they act on those of its scorers that are modules.

    Attributes:
        scorers: scorers by name.
    """

    scorers: Mapping[str, Any]

    @property
    def nn_dict(self) -> NamedModules:
        """The scorers that are modules."""
        return NamedModules({name: scorer for name, scorer in self.scorers.items() if hasattr(scorer, "state_dict")})

    def to(self, *arguments: Any, **keywords: Any) -> Any:
        """Move the modules, or change their precision; the arguments are those of `torch.nn.Module.to`."""
        for module in self.nn_dict.values():
            module.to(*arguments, **keywords)
        return self

    def train(self, mode: bool = True) -> Any:
        """Put the modules into training mode, or with False into evaluation mode."""
        for module in self.nn_dict.values():
            module.train(mode)
        return self

    def eval(self) -> Any:
        """Put the modules into evaluation mode."""
        return self.train(False)
