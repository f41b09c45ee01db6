"""Interfaces of graphs as a bundle or a graph states them, which strangers may have written."""

from __future__ import annotations

import math
from typing import Any

from espnet2.interface.errors import BundleError, reason_of
from espnet2.interface.limits import limit
from espnet2.interface.spec import FLAGS, INTEGERS, Component
from espnet2.runtime.section import is_mapping, require


def read_interface(data: Any) -> Component:
    """The component that `Component.to_dict` has written; raises `BundleError` for anything else."""
    require(is_mapping(data), "interface", "the interface of a graph", data)
    try:
        component = Component.from_dict(data)
        _require_sizes(component)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        found = f"no key {error}" if isinstance(error, KeyError) else reason_of(error)
        if isinstance(error, TypeError | AttributeError) and "expected" not in found:  # Python's words, not ours
            found = "a value of another kind than its key has"
        raise BundleError(f"interface: expected the interface of a graph, found: {found}") from error
    for attribute in INTEGERS:
        component.attribute(attribute, 0)
    for attribute in FLAGS:
        component.attribute(attribute, False)
    return component


def _require_sizes(component: Component) -> None:
    """Raise `ValueError` for sizes that no graph has."""
    most = limit("STATE_ELEMENTS")
    given = {axis: 1 for tensor in component.inputs for axis in tensor.axes if isinstance(axis, str)}
    for state in component.states:
        shape = component.initial_shape(state, **given)
        if any(type(size) is not int or size < 0 for size in shape) or math.prod(shape) > most:
            raise ValueError(f"{state.input.name}: expected sizes of a state, found {shape}")
    for tensor in (*component.feeds, *component.results):
        if math.prod(axis for axis in tensor.axes if isinstance(axis, int)) > most:
            raise ValueError(f"{tensor.name}: expected sizes of a tensor, found {tensor.axes}")
    for axis, size in component.shortest().items():
        if size > most:
            raise ValueError(f"lengths: expected results of fewer {axis}, found of at least {size}")
