"""A module, of whatever author, put through what export and use ask of it; what fails is a diagnosis with a line."""

from __future__ import annotations

import dataclasses
import inspect
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from espnet2.export.doctor.cases import Case, base_of, case_of, cases, is_declared
from espnet2.export.doctor.diagnosis import Diagnosis
from espnet2.export.doctor.eager import Arrays, apart, depends_on_batch, faults, not_numbers
from espnet2.export.doctor.explain import Explained, of_call, of_difference, of_error, of_guards, of_read
from espnet2.export.doctor.inputs import declared
from espnet2.export.doctor.leaks import leaks
from espnet2.export.doctor.limits import limits
from espnet2.export.doctor.patient import Feeds, Patient
from espnet2.export.doctor.source import at_line, findings, function_at
from espnet2.export.examples import draw, trace_sizes
from espnet2.export.quiet import quiet
from espnet2.interface.spec import Component

# Considerations that are told of a module that passes, since its code rests on what may change.
ADVICE = ("packed_sequence", "none_cache", "mask_with_reference", "state_of_module")


def check(module: torch.nn.Module, inputs: Component | Mapping[str, Any] | None = None) -> list[Diagnosis]:
    """Export a module with named dynamic axes and compare it with PyTorch; an empty list: all is well.

    It runs at other lengths, alone and in ragged batches with noise in the padding, with the shortest input and with
    empty caches.

    Args:
        module: Run by `forward`, in evaluation mode.
        inputs: As `declared` takes them.
    """
    component = declared(module, inputs)
    patient = Patient(module, component, by_name=not isinstance(inputs, Component))
    try:
        with quiet(), torch.no_grad():
            found = next(_failures(patient), None) or next(_advice(patient), None)
    finally:
        patient.memory.restore()
    return [dataclasses.replace(found, owner=_owner(module, found))] if found else []


def _owner(module: torch.nn.Module, found: Diagnosis) -> str:
    """Path and class of the module whose line is to blame; empty where that is the outermost, or a function."""
    function = function_at(found.frame.file, found.frame.line) if found.frame else None
    if function is None or not function.owner:
        return ""
    paths = [path for path, part in module.named_modules() if type(part).__name__ == function.owner]
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0]} ({function.owner}){more}" if paths and paths[0] else ""


def _failures(patient: Patient) -> Iterator[Diagnosis]:
    """Everything that fails, in the order in which it is looked for."""
    component = patient.component
    for name, item in inspect.signature(patient.method).parameters.items():
        if item.kind is item.KEYWORD_ONLY and patient.forward is not None:
            lines = range(patient.forward.tree.lineno, (patient.forward.tree.end_lineno or 0) + 1)
            frame = next((f for f in map(patient.forward.frame, lines) if name in f.code), None)
            yield Diagnosis("keyword_only", frame, f"{name} comes after * in {component.method}")
    base = 9 if is_declared(component) else base_of(patient) or 9
    feeds = draw(component, trace_sizes(component)) if is_declared(component) else case_of(component, "", base).feeds
    yield from faults(patient, feeds)
    with tempfile.TemporaryDirectory() as directory:
        yield from _export(patient, feeds, Path(directory) / "module.onnx")
        yield from depends_on_batch(patient, feeds)
        for case in cases(patient, base):
            yield from _compare(patient, case)


def _advice(patient: Patient) -> Iterator[Diagnosis]:
    """Advice on a module that passes: values and sizes that its graph relies on."""
    yield from limits(patient, base_of(patient) or 9)
    read = of_read(patient)
    if read is not None:
        yield Diagnosis.of(read, "the code", fails=False)
    forward = [patient.forward] if patient.forward else []
    for name, frame in findings(forward, ADVICE):
        yield Diagnosis(name, frame, "the code", fails=False)


def _export(patient: Patient, feeds: Feeds, path: Path) -> Iterator[Diagnosis]:
    try:
        patient.export(feeds, path)
    except Exception as error:  # the exporter's errors, and those of the module, have no common base but this
        yield Diagnosis.of(of_error(patient, error), f"{type(error).__name__}: {first_line(error)}")
    finally:
        patient.memory.restore()


def first_line(error: BaseException) -> str:
    """The first line of the innermost cause; the name of the error where it has none."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return next((line for line in str(cause).splitlines() if line.strip()), type(error).__name__)


def _compare(patient: Patient, case: Case) -> Iterator[Diagnosis]:
    """Compare PyTorch and the graph in one case, alone and with noise in the padding."""
    try:
        expected = patient.run(case.feeds)
    except Exception as error:  # whatever the module raises
        yield _failing(patient, case, error)
        return
    if case.label == "an empty cache" and _first_step_differs(patient, expected, case.feeds):
        yield Diagnosis.of(of_call(patient, "none_cache"), "None and an empty cache give other outputs")
    yield from not_numbers(patient, case.label, expected)
    try:
        found = patient.graph(case.feeds)
    except Exception as error:  # onnxruntime's errors have no common base but this
        yield Diagnosis.of(of_guards(patient) or of_difference(patient, case.label), f"{case.label}: {error}")
        return
    worst = apart(expected, found)
    if worst:
        seen = f"{case.label}: PyTorch and onnxruntime differ by {worst:.3g}"
        yield Diagnosis.of(of_difference(patient, case.label), seen)
    yield from leaks(patient, case, expected)


def _failing(patient: Patient, case: Case, error: BaseException) -> Diagnosis:
    """Diagnosis of a case that PyTorch itself does not run, though it ran the example."""
    explained = of_error(patient, error)
    names = {"batch 1": "batch_frozen", "a ragged batch of 3": "batch_frozen", "long input": "position_table"}
    if case.label == "an empty cache":
        explained = of_call(patient, "none_cache") if of_call(patient, "none_cache").frame else explained
    elif case.label in names and (explained.frame is None or at_line(explained.frame) is None):
        written = of_call(patient, names[case.label]).frame if names[case.label] == "batch_frozen" else None
        explained = Explained(names[case.label], written or explained.frame)
    return Diagnosis.of(explained, f"{case.label}: {type(error).__name__}: {error}")


def _first_step_differs(patient: Patient, expected: Arrays, feeds: Feeds) -> bool:
    """Whether a cache that may be None, and is, gives something else than an empty one."""
    parameters = inspect.signature(patient.method).parameters
    if not patient.by_name:
        return False
    optional = [t.name for t in patient.component.feeds if parameters[t.name].default is None]
    caches = [t.name for t in patient.component.feeds if t.name in optional and "past" in t.axes]
    if not caches:
        return False
    first = patient.run({name: value for name, value in feeds.items() if name not in caches})
    return apart(first, expected) > 0
