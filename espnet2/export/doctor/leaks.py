"""Noise behind the end of an item: whether its output changes, and the first line that lets the noise in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from espnet2.export.doctor.cases import Case, is_declared
from espnet2.export.doctor.diagnosis import Diagnosis
from espnet2.export.doctor.eager import Arrays, apart
from espnet2.export.doctor.explain import Explained, of_call
from espnet2.export.doctor.flow import Flow
from espnet2.export.doctor.patient import Feeds, Patient, tensors_of
from espnet2.export.examples import with_noise
from espnet2.export.nodes import Frame
from espnet2.export.verify import valid
from espnet2.interface.spec import Component


def leaks(patient: Patient, case: Case, expected: Arrays) -> Iterator[Diagnosis]:
    """A diagnosis where valid outputs change with noise in the padding."""
    noisy = with_noise(patient.component, case.feeds)
    if noisy is None:
        return
    results = patient.run(noisy)
    row = _changed_row(patient, case.feeds, noisy, expected, results)
    if row is not None:
        frame = _first_leak(patient, case.feeds, noisy, row)
        explained = Explained("padding_leaks", frame) if frame else of_call(patient, "padding_leaks")
        yield Diagnosis.of(explained, f"{case.label}: item {row} changes with what lies behind its end")


def _changed_row(patient: Patient, feeds: Feeds, noisy: Feeds, expected: Arrays, results: Arrays) -> int | None:
    """The first item whose valid outputs differ."""
    component = patient.component
    lengths = feeds[next(t.name for t in component.inputs if t.length_of)]
    if is_declared(component):
        names = [t.name for t in component.results]
        clean = valid(component, feeds, dict(zip(names, expected, strict=True)))
        noise = valid(component, noisy, dict(zip(names, results, strict=True)))
        rows = [
            r for r in range(lengths.shape[0]) if any(apart([clean[n][r]], [noise[n][r]]) for n in _batched(component))
        ]
        return rows[0] if rows else None
    for row in range(1, lengths.shape[0]):
        alone = patient.run(_alone(component, feeds, row))
        for clean_array, noise_array, own in zip(expected, results, alone, strict=True):
            part: Any = (row, *(slice(size) for size in own.shape[1:]))
            if (
                clean_array.ndim
                and clean_array.shape[0] == len(lengths)
                and apart([clean_array[part]], [noise_array[part]])
            ):
                return row
    return None


def _batched(component: Component) -> list[str]:
    return [t.name for t in component.results if t.axes[:1] == ("batch",)]


def _alone(component: Component, feeds: Feeds, row: int) -> Feeds:
    """One item of a batch, without its padding."""
    ends = {t.length_of: int(feeds[t.name][row]) for t in component.inputs if t.length_of}
    found = {}
    for tensor in component.feeds:
        cut = tuple(slice(row, row + 1) if a == "batch" else slice(ends.get(str(a))) for a in tensor.axes)
        found[tensor.name] = np.ascontiguousarray(feeds[tensor.name][cut])
    return found


def _first_leak(patient: Patient, feeds: Feeds, noisy: Feeds, row: int) -> Frame | None:
    """The line of the first call whose output has noise nearer to the start than its inputs have."""
    runs = []
    for given in (feeds, noisy):
        patient.memory.restore()
        with Flow() as flow:
            patient.results(tensors_of(given))
        runs.append(flow.calls)
    batch = next(iter(feeds.values())).shape[0]
    for least in (0.02, 0.0):  # convolutions with strides bring noise a little nearer, which may be meant
        for clean, noise in zip(*runs, strict=False):
            before = [_clean(a, b, batch, row) for a, b in zip(clean.given, noise.given, strict=False)]
            after = [_clean(a, b, batch, row) for a, b in zip(clean.made, noise.made, strict=False)]
            if clean.frame and before and min(after) < min(before) - least:
                return clean.frame
    return None


def _clean(one: torch.Tensor, other: torch.Tensor, batch: int, row: int) -> float:
    """How near to the start of an item noise comes, as a part of its length; 1: there is no noise.

    A value is as far from the start as it is along the axis where it is farthest: scores of attention have two of time.
    """
    if one.shape != other.shape or not one.numel():
        return 1.0
    differs = (one - other).abs() > 1e-5 * one.abs().clamp(min=1.0)
    if batch in differs.shape:
        differs = differs.select(differs.shape.index(batch), row)
    places = differs.nonzero()
    if not places.numel():
        return 0.0 if differs.dim() == 0 and bool(differs) else 1.0
    return float((places / torch.tensor(differs.shape)).amax(dim=1).min())
