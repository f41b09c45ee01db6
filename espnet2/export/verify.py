"""PyTorch against onnxruntime: every component at several lengths and batches.

A successful export proves nothing: a dimension can be frozen, a mask baked in, an empty cache refused. So each graph
runs at three lengths (the shortest that it accepts among them), with one input and with a ragged batch of three,
steps from an empty cache and from a filled one; outputs must have the axes that are declared, and may not depend on
what lies in the padding. `espnet2.export.compare` goes on with the results of whole signals.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from espnet2.export.declared import require_axes
from espnet2.export.examples import axes_of, draw, first_step, padding_of, with_channels, with_noise
from espnet2.interface.check import Check
from espnet2.interface.errors import VerificationError
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component, Tensor
from espnet2.runtime.compare import difference

BATCHES = (1, 3)
# Sizes of one case each; another axis with a formula gets what gives so many output steps (and some odd rest).
OUTPUT_LENGTHS = (1, 41, 131)
ODD_RESTS = (0, 37, 101)
AXIS_SIZES = {
    "past": (0, 7, 40),
    "rows": (0, 9, 70),
    "parent": (1, 3, 5),
    "beam": (1, 4, 7),
    "steps": (1, 2, 6),
    "channels": (2, 1, 3),
}


def component_cases(component: Component) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Label and feeds of each case that a component is verified with."""
    strides = component.strides()
    for index, (output, rest) in enumerate(zip(OUTPUT_LENGTHS, ODD_RESTS, strict=True)):
        sizes = {
            axis: component.shortest(output)[axis] - (-rest * strides[axis] // 100)
            if axis in strides and axis not in AXIS_SIZES
            else AXIS_SIZES.get(axis, OUTPUT_LENGTHS)[index]
            for axis in axes_of(component)
        }
        sizes = with_channels(component, sizes)
        for batch in BATCHES:
            make = first_step if component.states and index == 0 else draw
            yield _label({**sizes, "batch": batch}), make(component, {**sizes, "batch": batch}, seed=index)


def _label(sizes: Mapping[str, int]) -> str:
    return " ".join(f"{axis} {size}" for axis, size in sizes.items())


def verify_component(component: Component, reference: Graph, graph: Graph) -> list[Check]:
    """Run both graphs over all cases; each check holds the largest difference of all outputs.

    A padded case runs on `graph` a second time, with noise in the padding, and the valid outputs are compared with the
    first ones of `reference`.

    Raises `VerificationError` where outputs have other axes than the component declares.
    """
    checks = []
    for label, feeds in component_cases(component):
        expected, found = _arrays(component, reference(feeds)), _arrays(component, graph(feeds))
        require_axes(component, label, feeds, found)
        checks.append(Check(component.name, label, _worst(expected, found)))
        noisy = with_noise(component, feeds)
        if noisy is not None:
            label += ", noise in the padding"
            again = valid(component, noisy, _arrays(component, graph(noisy)))
            checks.append(Check(component.name, label, _worst(valid(component, feeds, expected), again)))
    return checks


def valid(
    component: Component, feeds: Mapping[str, np.ndarray], results: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The results with zeros behind the end of each item, as far as lengths of theirs or of the feeds tell it."""
    known: dict[str, tuple[Tensor, np.ndarray]] = {}
    for tensor in (tensor for tensor in component.feeds if tensor.length_of):
        values = feeds[tensor.name]
        known[tensor.length_of] = tensor, values
        for rule in component.lengths:
            if rule.source == tensor.length_of:
                known[rule.axis] = dataclasses.replace(tensor, length_of=rule.axis), rule.length(values)
    known |= {tensor.length_of: (tensor, results[tensor.name]) for tensor in component.outputs if tensor.length_of}
    found = dict(results)
    for tensor in component.results:
        for lengths, values in known.values():
            array = found[tensor.name]
            padding = padding_of(tensor.axes, array.shape, lengths, values)
            if padding is not None:
                found[tensor.name] = np.where(padding, array.dtype.type(0), array)
    return found


def _arrays(component: Component, results: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {tensor.name: results[tensor.name].numpy() for tensor in component.results}


def _worst(expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]) -> float:
    return max(difference(expected[name], found[name]) for name in expected)


def summary(checks: Iterable[Check]) -> dict[str, dict[str, float | int]]:
    """Per subject: number of cases, largest difference, tolerance; as the bundle stores it."""
    rows: dict[str, dict[str, float | int]] = {}
    for check in checks:
        row = rows.setdefault(check.subject, {"cases": 0, "max_difference": 0.0, "tolerance": check.tolerance})
        row["cases"] += 1
        row["max_difference"] = max(row["max_difference"], check.difference)
    return rows


def table(checks: Iterable[Check]) -> str:
    """The summary as lines of text."""
    rows = summary(checks)
    width = max((len(subject) for subject in rows), default=0)
    lines = [f"{'':{width}}  cases  max difference  tolerance"]
    for subject, row in rows.items():
        verdict = "ok" if row["max_difference"] <= row["tolerance"] else "TOO LARGE"
        lines.append(
            f"{subject:{width}}  {row['cases']:5d}  {row['max_difference']:14.2e}  {row['tolerance']:9.0e}  {verdict}"
        )
    return "\n".join(lines)


def require_passed(checks: Iterable[Check]) -> None:
    """Raise `VerificationError` that names the first failed check, if any failed."""
    failed = [check for check in checks if not check.passed]
    if failed:
        first = failed[0]
        raise VerificationError(
            f"{first.subject} ({first.case}): expected onnxruntime within {first.tolerance:g} of PyTorch, found a "
            f"difference of {first.difference:.3g}" + (f", and {len(failed) - 1} more" if len(failed) > 1 else "")
        )
