"""Inputs of a module as a `Component`: declared by the module, given by name, or guessed from names of arguments."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from espnet2.interface.errors import OptionError, reason_of
from espnet2.interface.limits import limit
from espnet2.interface.spec import Component, Tensor

LENGTHS = re.compile(r"len")
# Names of arguments -> axes before the last one, which is the module's input size; the first that matches counts.
GUESSES = (
    (re.compile(r"^(speech|wav|audio|samples)"), ("batch", "samples"), False),
    (
        re.compile(r"^(xs?|hs|xs_pad|hs_pad|feats?|inputs?|input|memory|features)(_pad|_in)?$"),
        ("batch", "frames"),
        True,
    ),
)


def declared(module: torch.nn.Module, inputs: Component | Mapping[str, Any] | None) -> Component:
    """The inputs of `module.forward` in order.

    Args:
        module: The module.
        inputs: A component; or by argument the axes, as `("batch", "frames", 80)`, a mapping of what `Tensor` takes
            (`{"axes": ["batch"], "dtype": "int64", "length_of": "frames"}`), or an example tensor. None: guessed.

    Raises:
        OptionError: An input has no axes, or the module has no such argument.
    """
    if isinstance(inputs, Component):
        return inputs
    arguments = inspect.signature(module.forward).parameters
    if inputs is None:
        needed = [name for name, item in arguments.items() if item.default is item.empty]
        inputs = {name: _guess(module, name, needed) for name in needed}
    for name in inputs:
        if name not in arguments:
            raise OptionError(f"inputs: expected some of {', '.join(arguments)}, found {name!r}")
    tensors = tuple(_tensor(name, inputs[name]) for name in arguments if name in inputs)
    most = limit("STATE_ELEMENTS")
    for tensor in tensors:
        if math.prod(axis for axis in tensor.axes if isinstance(axis, int)) > most:
            raise OptionError(f"inputs: {tensor.name}: expected at most {most} numbers, found axes {list(tensor.axes)}")
    return Component(type(module).__name__, "forward", tensors, ())


def _tensor(name: str, value: Any) -> Tensor:
    try:
        if isinstance(value, Tensor):
            return value
        if isinstance(value, torch.Tensor):
            return _of_example(name, value)
        data = dict(value) if isinstance(value, Mapping) else {"axes": value}
        known = [item.name for item in dataclasses.fields(Tensor)[1:]]
        for key in data:
            if key not in known:
                raise OptionError(f"inputs: {name}: expected some of {', '.join(known)}, found {key!r}")
        return Tensor(name, **{**data, "axes": tuple(data.get("axes", ()))})
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"inputs: {name}: expected axes such as [batch, frames, 80], found: {reason_of(error)}"
        ) from error


def _of_example(name: str, value: torch.Tensor) -> Tensor:
    dtype = str(value.dtype).removeprefix("torch.")
    if value.dim() == 1 and not value.is_floating_point():
        return Tensor(name, ("batch",), dtype, length_of="frames")
    axes = ("batch", "frames", *value.shape[2:])[: value.dim()]
    below = 0 if value.is_floating_point() else int(value.max()) + 1
    return Tensor(name, axes, dtype, below=below)


def _guess(module: torch.nn.Module, name: str, names: Sequence[str]) -> Any:
    if LENGTHS.search(name):
        samples = any(GUESSES[0][0].search(other) for other in names)
        return {"axes": ("batch",), "dtype": "int64", "length_of": "samples" if samples else "frames"}
    for pattern, axes, sized in GUESSES:
        if pattern.search(name):
            return (*axes, _input_size(module, name)) if sized else axes
    raise OptionError(f"--inputs: {name}: expected axes such as '{{{name}: [batch, frames, 80]}}', found none")


def _input_size(module: torch.nn.Module, name: str) -> int:
    """Input size of the first layer that has one."""
    for layer in module.modules():
        for attribute in ("in_features", "input_size", "normalized_shape"):
            size = getattr(layer, attribute, None)
            if isinstance(size, int | tuple):
                return size if isinstance(size, int) else size[-1]
    raise OptionError(f"--inputs: {name}: expected axes such as '{{{name}: [batch, frames, 80]}}', found none")
