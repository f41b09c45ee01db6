"""A module, of whatever author, put through what export and use ask of it; what fails is a diagnosis with a line."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch.export import Dim

from espnet2.export.doctor.considerations import CONSIDERATIONS
from espnet2.export.doctor.explain import Explained, explain, of_line
from espnet2.export.doctor.guards import Guard, recorded_guards
from espnet2.export.doctor.inputs import declared
from espnet2.export.doctor.source import findings
from espnet2.export.examples import axes_of, draw, dynamic_shapes, trace_sizes, with_noise
from espnet2.export.nodes import Frame
from espnet2.export.quiet import quiet
from espnet2.export.trace import Method
from espnet2.interface.check import TOLERANCE
from espnet2.interface.spec import Component
from espnet2.runtime.compare import difference

LONG, SHORT = 71, 1
GROWING = ("past", "rows")  # axes of caches, which are empty at first
# Considerations that are told of a module that passes, since its code rests on what may change.
ADVICE = ("item", "tolist", "int_of_tensor", "packed_sequence", "none_cache", "mask_with_reference")
Feeds = dict[str, np.ndarray]


@dataclass(frozen=True)
class Diagnosis:
    """A consideration that a module breaks: where, what was seen, and whether it failed or is advice only."""

    consideration: str
    frame: Frame | None
    seen: str
    fails: bool = True

    def __str__(self) -> str:
        row = CONSIDERATIONS[self.consideration]
        where = f"{self.frame}\n" if self.frame else ""
        verdict = "" if self.fails else " (advice)"
        return f"{where}  {row.title}{verdict}: {row.reason}\n  seen: {self.seen}\n  instead: {row.cure}"


def check(module: torch.nn.Module, inputs: Component | Mapping[str, Any] | None = None) -> list[Diagnosis]:
    """Export a module with named dynamic axes and compare it with PyTorch; an empty list: all is well.

    It runs at other lengths, alone and in ragged batches with noise in the padding, with the shortest input and with
    empty caches.

    Args:
        module: Run by `forward`, in evaluation mode.
        inputs: As `declared` takes them.
    """
    component = declared(module, inputs)
    patient = _Patient(module.eval(), component, by_name=not isinstance(inputs, Component))
    with quiet(), torch.no_grad():
        found = next(_failures(patient), None)
    advice = [Diagnosis(name, frame, "the code", fails=False) for name, frame in findings(patient.forward, ADVICE)]
    return [found] if found else advice[:1]


class _Patient:
    """A module and what is known of it."""

    def __init__(self, module: torch.nn.Module, component: Component, by_name: bool) -> None:
        self.module, self.component = module, component
        self.by_name = by_name  # names of a component's inputs need not be those of arguments
        self.forward: Callable[..., Any] = getattr(type(module), component.method)
        self.guards: list[Guard] = []
        self.session: onnxruntime.InferenceSession | None = None

    def call(self, given: Mapping[str, torch.Tensor]) -> list[np.ndarray]:
        """PyTorch's outputs for these tensors themselves."""
        method = getattr(self.module, self.component.method)
        return _arrays(method(**given) if self.by_name else method(*given.values()))

    def run(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """PyTorch's outputs."""
        return self.call({name: torch.from_numpy(value.copy()) for name, value in feeds.items()})

    def graph(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The graph's outputs."""
        assert self.session is not None
        names = [item.name for item in self.session.get_inputs()]
        return self.session.run(None, dict(zip(names, feeds.values(), strict=True)))

    def export(self, feeds: Mapping[str, np.ndarray], path: Path) -> None:
        """Make the graph, and record the conditions under which it holds."""
        given = {name: torch.from_numpy(value) for name, value in feeds.items()}
        axes = tuple(dict.fromkeys(names, Dim.DYNAMIC) for names in dynamic_shapes(self.component))
        args, kwargs = ((), given) if self.by_name else (tuple(given.values()), {})
        shapes = dict(zip(given, axes, strict=True)) if self.by_name else (axes,)
        module = self.module if self.by_name else Method(self.module, self.component.method)
        with recorded_guards() as self.guards:
            program = torch.export.export(module, args, kwargs, dynamic_shapes=shapes, strict=False)
        exported = torch.onnx.export(program, args, kwargs=kwargs, dynamo=True, verbose=False)
        assert exported is not None  # as it is where `dynamo` is set
        exported.save(str(path))
        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def diagnosis(self, explained: Explained, seen: str) -> Diagnosis:
        return Diagnosis(explained.name, explained.frame, seen)


def _arrays(results: Any) -> list[np.ndarray]:
    flat = torch.utils._pytree.tree_leaves(results)
    return [value.detach().numpy() for value in flat if isinstance(value, torch.Tensor)]


def _failures(patient: _Patient) -> Iterator[Diagnosis]:
    """Everything that fails, in the order in which it is looked for."""
    component = patient.component
    for name, item in inspect.signature(patient.forward).parameters.items():
        if item.kind is item.KEYWORD_ONLY:
            frame = next((f for f in _definition(patient.forward) if name in f.code), None)
            yield Diagnosis("keyword_only", frame, f"{name} comes after * in {component.method}")
    feeds = draw(component, trace_sizes(component))
    yield from _eager(patient, feeds)
    with tempfile.TemporaryDirectory() as directory:
        yield from _export(patient, feeds, Path(directory) / "module.onnx")
        for label, case in _cases(component):
            yield from _compare(patient, label, case)


def _definition(function: Callable[..., Any]) -> Iterator[Frame]:
    lines, start = inspect.getsourcelines(function)
    for index, line in enumerate(lines):
        yield Frame(inspect.getsourcefile(function) or "", start + index, line.strip())


def _eager(patient: _Patient, feeds: Feeds) -> Iterator[Diagnosis]:
    """Faults in PyTorch alone: failure, changed inputs, random numbers, sizes that depend on values, float64."""
    given = {name: torch.from_numpy(value.copy()) for name, value in feeds.items()}
    try:
        before = patient.call(given)
        again = patient.run(feeds)
    except Exception as error:  # whatever the module raises
        yield patient.diagnosis(explain(patient.forward, error, []), f"{type(error).__name__}: {error}")
        return
    for name, value in given.items():
        if not np.array_equal(value.numpy(), feeds[name], equal_nan=True):
            yield patient.diagnosis(of_line(patient.forward, "in_place"), f"{name} is another after the call")
    yield from _not_numbers(patient, "the example", before)
    if not all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(before, again, strict=True)):
        yield patient.diagnosis(of_line(patient.forward, "random_numbers"), "two calls with one input differ")
    other = patient.run(draw(patient.component, trace_sizes(patient.component), seed=1))
    if [a.shape for a in before] != [a.shape for a in other]:
        seen = f"shapes {[a.shape for a in before]} and {[a.shape for a in other]} of inputs of one size"
        yield patient.diagnosis(of_line(patient.forward, "data_dependent_size"), seen)
    if any(a.dtype == np.float64 for a in before) and not any(a.dtype == np.float64 for a in feeds.values()):
        yield patient.diagnosis(of_line(patient.forward, "double_precision"), "an output is float64")


def _not_numbers(patient: _Patient, label: str, results: list[np.ndarray]) -> Iterator[Diagnosis]:
    if any(np.isnan(array).any() for array in results if array.dtype.kind == "f"):
        yield patient.diagnosis(of_line(patient.forward, "infinite_mask"), f"{label}: NaN in the outputs")


def _export(patient: _Patient, feeds: Feeds, path: Path) -> Iterator[Diagnosis]:
    before = dict(vars(patient.module))
    try:
        patient.export(feeds, path)
    except Exception as error:  # the exporter's errors, and those of the module, have no common base but this
        explained = explain(patient.forward, error, patient.guards)
        yield patient.diagnosis(explained, f"{type(error).__name__}: {_first_line(error)}")
        return
    finally:
        vars(patient.module).clear()
        vars(patient.module).update(before)
    written = of_line(patient.forward, "state_of_module")
    if written.frame is not None:
        yield patient.diagnosis(written, "forward writes to self")


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ or error
    return next((line for line in str(cause).splitlines() if line.strip()), "")


def _cases(component: Component) -> Iterator[tuple[str, Feeds]]:
    """Label and feeds of each case, the plainest first."""
    axes = axes_of(component)
    for label, batch, size, past in (
        ("batch 1", 1, 13, 5),
        ("a ragged batch of 3", 3, 23, 5),
        ("the shortest input", 1, SHORT, 5),
        ("an empty cache", 2, 3, 0),
        ("long input", 2, LONG, 5),
    ):
        if past == 0 and not any(axis in GROWING for axis in axes):
            continue
        sizes = {axis: past if axis in GROWING else size for axis in axes}
        yield label, draw(component, {**trace_sizes(component), **sizes, "batch": batch}, seed=batch)


def _compare(patient: _Patient, label: str, feeds: Feeds) -> Iterator[Diagnosis]:
    """Compare PyTorch and the graph in one case, alone and with noise in the padding."""
    try:
        expected = patient.run(feeds)
    except Exception as error:  # whatever the module raises
        explained = explain(patient.forward, error, patient.guards, label)
        if explained.name != "fails_in_pytorch" or label != "the shortest input":
            yield patient.diagnosis(explained, f"{label}: {type(error).__name__}: {error}")
        return
    yield from _not_numbers(patient, label, expected)
    try:
        found = patient.graph(feeds)
    except Exception as error:  # onnxruntime's errors have no common base but this
        yield patient.diagnosis(explain(patient.forward, error, patient.guards, label), f"{label}: {error}")
        return
    worst = _apart(expected, found)
    if worst:
        explained = explain(patient.forward, None, patient.guards, label)
        yield patient.diagnosis(explained, f"{label}: PyTorch and onnxruntime differ by {worst:.3g}")
    if label == "an empty cache" and _first_step_differs(patient, expected, feeds):
        seen = "None and an empty cache give other outputs"
        yield patient.diagnosis(of_line(patient.forward, "none_cache"), seen)
    yield from _leaks(patient, label, feeds, expected)


def _first_step_differs(patient: _Patient, expected: list[np.ndarray], feeds: Feeds) -> bool:
    """Whether a cache that may be None, and is, gives something else than an empty one."""
    parameters = inspect.signature(patient.forward).parameters
    optional = [t.name for t in patient.component.feeds if parameters[t.name].default is None]
    caches = [t.name for t in patient.component.feeds if t.name in optional and set(t.axes) & set(GROWING)]
    if not caches:
        return False
    first = patient.run({name: value for name, value in feeds.items() if name not in caches})
    return _apart(first, expected) > 0


def _leaks(patient: _Patient, label: str, feeds: Feeds, expected: list[np.ndarray]) -> Iterator[Diagnosis]:
    noisy = with_noise(patient.component, feeds)
    if noisy is None:
        return
    results = patient.run(noisy)
    lengths = [t for t in patient.component.inputs if t.length_of]
    for row in range(1, feeds[lengths[0].name].shape[0]):
        alone = patient.run(_alone(patient.component, feeds, row))
        for clean, noise, own in zip(expected, results, alone, strict=True):
            part: Any = (row, *(slice(size) for size in own.shape[1:]))
            if clean.ndim and clean.shape[0] == len(results[0]) and _apart([clean[part]], [noise[part]]):
                seen = f"{label}: item {row} changes with what lies behind its end"
                yield patient.diagnosis(of_line(patient.forward, "padding_leaks"), seen)
                return


def _alone(component: Component, feeds: Feeds, row: int) -> Feeds:
    """One item of a batch, without its padding."""
    ends = {t.length_of: int(feeds[t.name][row]) for t in component.inputs if t.length_of}
    found = {}
    for tensor in component.feeds:
        cut = tuple(slice(row, row + 1) if a == "batch" else slice(ends.get(str(a))) for a in tensor.axes)
        found[tensor.name] = np.ascontiguousarray(feeds[tensor.name][cut])
    return found


def _apart(expected: list[np.ndarray], found: list[np.ndarray]) -> float:
    """The largest difference that exceeds the tolerance, infinity for other shapes; 0 where there is none."""
    if [a.shape for a in expected] != [a.shape for a in found]:
        return float("inf")
    worst = max((difference(a, b) for a, b in zip(expected, found, strict=True) if a.size), default=0.0)
    return 0.0 if worst <= TOLERANCE else worst
