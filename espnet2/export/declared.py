"""Checks of a component's declared outputs against those of its graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from espnet2.interface.errors import VerificationError
from espnet2.interface.spec import Axis, Component


def require_axes(
    component: Component, case: str, feeds: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
) -> None:
    """Check the shapes that a graph returned for `feeds`, and that lengths lie within the axis that they are of.

    Raises `VerificationError` for an axis that has another size than was declared, or that no two outputs have alike.
    """
    try:
        sizes = component.output_sizes(sizes_of(component, feeds))
    except ValueError as error:
        raise VerificationError(f"{component.name}: {error}") from error
    for tensor in component.results:
        shape = found[tensor.name].shape
        _require_rank(component, tensor.name, tensor.axes, shape)
        for axis, size in zip(tensor.axes, shape, strict=True):
            expected = axis if isinstance(axis, int) else sizes.setdefault(axis, size)
            if size != expected:
                raise VerificationError(
                    f"{component.name} ({case}): {tensor.name}: expected axis {axis} of size {expected}, found {size}"
                )
    for tensor in component.outputs:
        lengths, most = found[tensor.name], sizes.get(tensor.length_of, 0)
        if tensor.length_of and not ((lengths >= 0) & (lengths <= most)).all():
            raise VerificationError(
                f"{component.name} ({case}): {tensor.name}: expected lengths of axis {tensor.length_of}, of size "
                f"{most}, found {lengths.tolist()}"
            )


def require_exported_axes(component: Component, shapes: Sequence[Sequence[Axis | None]]) -> None:
    """Check output shapes as the exporter found them, where sizes that it does not know as numbers have names.

    Raises `VerificationError` where an output has another fixed size, or the axis of another input.
    """
    inputs = {axis for tensor in component.feeds for axis in tensor.axes if isinstance(axis, str)}
    equal = {rule.axis: rule.source for rule in component.lengths if all(rule.length(n) == n for n in range(1, 100))}
    for tensor, shape in zip(component.results, shapes, strict=True):
        _require_rank(component, tensor.name, tensor.axes, shape)
        for axis, found in zip(tensor.axes, shape, strict=True):
            fixed = isinstance(found, int) and (isinstance(axis, int) or axis in inputs)
            if (fixed or found in inputs - {axis, equal.get(str(axis))}) and axis != found:
                raise VerificationError(
                    f"{component.name}: {tensor.name}: expected axis {axis}, found {found} in the exported graph"
                )


def sizes_of(component: Component, feeds: Mapping[str, np.ndarray]) -> dict[str, int]:
    """The size of each named axis of the feeds."""
    return {
        axis: size
        for tensor in component.feeds
        for axis, size in zip(tensor.axes, feeds[tensor.name].shape, strict=True)
        if isinstance(axis, str)
    }


def _require_rank(component: Component, name: str, axes: Sequence[Axis], shape: Sequence[object]) -> None:
    if len(axes) != len(shape):
        raise VerificationError(
            f"{component.name}: {name}: expected axes ({', '.join(map(str, axes))}), found the shape "
            f"({', '.join(map(str, shape))})"
        )
