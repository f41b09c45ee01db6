"""Sizes with which a module is traced and tried: declared ones, or those that the module is found to accept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from espnet2.export.doctor.patient import Feeds, Patient
from espnet2.export.examples import TRACE_SIZES, axes_of, draw, trace_sizes
from espnet2.export.verify import component_cases
from espnet2.interface.spec import Component

# Sizes of time that are tried in turn: frames, tokens, samples of a frame, of some frames, of a second.
BASES = (9, 33, 257, 2057, 16411)
GROWING = ("past", "rows")  # axes of caches, which are empty at first
BATCHES = (1, 3, 4, 5, 8, 16, 32, 64)
NUMBER = re.compile(r"\b(\d{1,5})\b")


@dataclass(frozen=True)
class Case:
    """A label, feeds, and the sizes of their axes."""

    label: str
    feeds: Feeds
    sizes: Mapping[str, int]


def times_of(component: Component) -> list[str]:
    """Axes along which inputs are long or short."""
    return [axis for axis in axes_of(component) if axis not in TRACE_SIZES]


def sized(component: Component, base: int, **others: int) -> dict[str, int]:
    """Sizes of all axes: those of time near `base`, no two of which are equal."""
    times = {axis: base + 2 * index for index, axis in enumerate(times_of(component))}
    return {**trace_sizes(component), **times, **{axis: n for axis, n in others.items() if axis in axes_of(component)}}


def is_declared(component: Component) -> bool:
    """Whether the component says what its outputs are, so that the sizes of verification fit it."""
    return bool(component.outputs)


def case_of(component: Component, label: str, base: int, seed: int = 0, **others: int) -> Case:
    """Drawn feeds of these sizes."""
    sizes = sized(component, base, **others)
    return Case(label, draw(component, sizes, seed), sizes)


def base_of(patient: Patient) -> int | None:
    """A size of time that the module accepts, of which no output axis is left with 1 or 2 steps; None: it accepts none.

    torch.export takes sizes of 0 and 1 for constants.
    """
    accepted = None
    for base, more in zip(BASES, (*BASES[1:], 0), strict=True):
        shapes = shapes_at(patient, base)
        if shapes is None:
            continue
        accepted = accepted or base
        longer = shapes_at(patient, more) if more else None
        if longer is None or not any(
            small < 3 and small != large
            for one, other in zip(shapes, longer, strict=False)
            for small, large in zip(one, other, strict=False)
        ):
            return base
    return accepted


def shapes_at(patient: Patient, base: int, **others: int) -> list[tuple[int, ...]] | None:
    """Shapes of PyTorch's outputs for inputs of this size; None where it fails."""
    try:
        return [array.shape for array in patient.run(case_of(patient.component, "", base, **others).feeds)]
    except Exception:  # whatever the module raises
        return None


def only_accepts(patient: Patient, message: str) -> str | None:
    """The consideration that a module breaks which accepts another batch, or one length alone; None: it fails always.

    Sizes that the message of its error names are tried, too.
    """
    named = [int(number) for number in NUMBER.findall(message)][:8]
    for batch in dict.fromkeys((*BATCHES, *(n for n in named if 0 < n <= 256))):
        if shapes_at(patient, BASES[0], batch=batch) is not None:
            return "batch_frozen"
    if any(shapes_at(patient, number) is not None for number in dict.fromkeys(named) if number > 1):
        return "time_frozen"
    return None


def shortest_of(patient: Patient, base: int) -> int:
    """The shortest input that PyTorch accepts."""
    low, high = 0, base
    if shapes_at(patient, 1) is not None:
        return 1
    while high - low > 1:
        middle = (low + high) // 2
        accepted = shapes_at(patient, middle) is not None
        low, high = (low, middle) if accepted else (middle, high)
    return high


def cases(patient: Patient, base: int) -> Iterator[Case]:
    """The cases in which PyTorch and the graph are compared, the plainest first."""
    component = patient.component
    if is_declared(component):
        for label, feeds in component_cases(component):
            yield Case(label, feeds, {})
        return
    yield case_of(component, "batch 1", base + 5, seed=1, batch=1)
    yield case_of(component, "a ragged batch of 3", 2 * base + 5, seed=3, batch=3)
    if times_of(component):
        yield case_of(component, "the shortest input", shortest_of(patient, base), seed=1, batch=1)
    growing = {axis: 0 for axis in axes_of(component) if axis in GROWING}
    if growing:
        yield case_of(component, "an empty cache", 3, seed=2, **growing)
    if times_of(component):
        yield case_of(component, "long input", 8 * base, seed=2)


def filled(component: Component, feeds: Feeds) -> dict[str, np.ndarray]:
    """The feeds with lengths that leave no padding."""
    longest = {axis: feeds[t.name].shape[i] for t in component.feeds for i, axis in enumerate(t.axes)}
    ends = {t.name: longest[t.length_of] for t in component.inputs if t.length_of in longest}
    return {name: np.full_like(value, ends[name]) if name in ends else value for name, value in feeds.items()}
