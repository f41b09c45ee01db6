"""Faults of a module that show in PyTorch alone, before anything is exported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from espnet2.export.declared import sizes_of
from espnet2.export.doctor.cases import filled, only_accepts
from espnet2.export.doctor.diagnosis import Diagnosis
from espnet2.export.doctor.explain import Explained, of_call, of_error, of_read
from espnet2.export.doctor.patient import Feeds, Patient, tensors_of
from espnet2.export.doctor.source import at_line
from espnet2.export.examples import draw
from espnet2.interface.check import TOLERANCE
from espnet2.runtime.compare import difference

Arrays = list[np.ndarray]
SAME = 1e-6  # sums of one call may be taken in another order in the next


def faults(patient: Patient, feeds: Feeds) -> Iterator[Diagnosis]:
    """Failure, changed inputs, random numbers, memory, NaN, sizes that depend on values, other kinds of numbers."""
    given = tensors_of(feeds)
    try:
        before = patient.watched(given)
        again = [patient.run(feeds) for _ in range(2)]
    except Exception as error:  # whatever the module raises
        yield of_failure(patient, error)
        return
    changed = [name for name, value in given.items() if not np.array_equal(value.numpy(), feeds[name], equal_nan=True)]
    if changed or any(call.consideration == "in_place" for call in patient.calls):
        seen = f"{listed_names(changed) or 'an input'} is written to"
        yield Diagnosis.of(of_call(patient, "in_place"), seen)
    if any(apart(before, other, SAME) for other in again):
        yield Diagnosis.of(of_call(patient, "random_numbers"), "two calls with one input differ")
    yield from _remembers(patient, feeds)
    yield from not_numbers(patient, "the example", before)
    yield from _sizes(patient, feeds, before)
    yield from _kinds(patient, feeds, before)


def of_failure(patient: Patient, error: BaseException) -> Diagnosis:
    """Diagnosis of a module that PyTorch does not run with the example."""
    seen = f"{type(error).__name__}: {error}"
    explained = of_error(patient, error)
    name = "fails_in_pytorch"
    if isinstance(error, IndexError) and "index out of range" in str(error) and _unbounded(patient):
        seen += f"; state the bound of {_unbounded(patient)}, as {{axes: [batch, tokens], dtype: int64, below: 500}}"
    elif isinstance(error, IndexError | RuntimeError):
        table = explained.frame and at_line(explained.frame, ("position_table",))
        name = only_accepts(patient, str(error)) or table or name
    return Diagnosis.of(Explained(name, explained.frame), seen)


def _unbounded(patient: Patient) -> str:
    """Names of inputs of integers that are neither lengths nor bounded."""
    inputs = (t for t in patient.component.feeds if t.dtype.startswith("int") and not (t.below or t.length_of))
    return ", ".join(tensor.name for tensor in inputs)


def apart(expected: Arrays, found: Arrays, tolerance: float = TOLERANCE) -> float:
    """The largest difference that exceeds the tolerance, infinity for other shapes; 0 where there is none."""
    if [a.shape for a in expected] != [a.shape for a in found]:
        return float("inf")
    pairs = [(a, b) for a, b in zip(expected, found, strict=True) if a.size]
    if any(a.dtype.kind in "fc" and not np.array_equal(np.isnan(a), np.isnan(b)) for a, b in pairs):
        return float("inf")
    worst = max((difference(np.nan_to_num(a), np.nan_to_num(b)) for a, b in pairs), default=0.0)
    return 0.0 if worst <= tolerance else worst


def not_numbers(patient: Patient, label: str, results: Arrays) -> Iterator[Diagnosis]:
    """A diagnosis of NaN in the results."""
    if any(np.isnan(array).any() for array in results if array.dtype.kind in "fc"):
        yield Diagnosis.of(of_call(patient, "infinite_mask"), f"{label}: NaN in the outputs")


def _remembers(patient: Patient, feeds: Feeds) -> Iterator[Diagnosis]:
    """Whether a call leaves something behind that the next one reads."""
    patient.run(feeds)
    changed = patient.memory.changed()
    if not changed:
        return
    other = {name: value[:1] if value.ndim and len(value) == 2 else value for name, value in feeds.items()}
    for next_feeds in (feeds, other):
        try:
            fresh = patient.run(next_feeds)
            patient.run(feeds)
            used = patient.call_again(tensors_of(next_feeds))
        except Exception:  # a module that fails in its second call, or alone, is told by the cases
            continue
        if apart(fresh, used, SAME):
            seen = f"the second call differs from the first, since {listed_names(changed)} changed"
            yield Diagnosis.of(of_call(patient, "state_of_module"), seen)
            return


def listed_names(names: Sequence[str]) -> str:
    """Names with commas, each once."""
    return ", ".join(dict.fromkeys(names))


def _sizes(patient: Patient, feeds: Feeds, before: Arrays) -> Iterator[Diagnosis]:
    if patient.component.data_dependent:
        return
    drawn = draw(patient.component, sizes_of(patient.component, feeds), seed=1)
    for others in (drawn, filled(patient.component, drawn)):
        other = patient.run(others)
        if [a.shape for a in before] != [a.shape for a in other]:
            seen = f"shapes {[a.shape for a in before]} and {[a.shape for a in other]} of inputs of one size"
            yield Diagnosis.of(of_call(patient, "data_dependent_size"), seen)
            return


def _kinds(patient: Patient, feeds: Feeds, results: Arrays) -> Iterator[Diagnosis]:
    if any(a.dtype.kind == "c" for a in results):
        yield Diagnosis.of(of_call(patient, "complex_numbers"), "an output is complex")
    if any(a.dtype == np.float64 for a in results) and not any(a.dtype == np.float64 for a in feeds.values()):
        yield Diagnosis.of(of_call(patient, "double_precision"), "an output is float64")


def depends_on_batch(patient: Patient, feeds: Feeds) -> Iterator[Diagnosis]:
    """Whether an item's output changes with the others of its batch, where nothing is padded."""
    tensors = patient.component.feeds
    if any(axis in ("beam", "parent", "rows") for t in tensors for axis in t.axes):
        return
    if not any("batch" in t.axes for t in tensors):
        return
    full = filled(patient.component, feeds)
    places = {t.name: t.axes.index("batch") for t in tensors if "batch" in t.axes}
    items = [{n: np.take(v, [item], places[n]) if n in places else v for n, v in full.items()} for item in (0, 1)]
    try:
        whole, *alone = (patient.run(given) for given in (full, *items))
    except Exception:  # told by the cases
        return
    worst = max((_changed(whole, own, item) for item, own in enumerate(alone)), default=0.0)
    if worst:
        seen = f"an item's output changes by {worst:.3g} with the other items of its batch"
        yield Diagnosis.of(of_read(patient) or of_call(patient, "batch_statistics"), seen)


def _changed(whole: Arrays, alone: Arrays, item: int) -> float:
    """The largest difference of an item's outputs in a batch of two from those that it has alone."""
    pairs = [(own, together) for own, together in zip(alone, whole, strict=True) if own.ndim and together.ndim]
    batched = [(o, t) for o, t in pairs if t.shape[1:] == o.shape[1:] and (len(o), len(t)) == (1, 2)]
    return max((apart([own], [together[item : item + 1]]) for own, together in batched), default=0.0)
