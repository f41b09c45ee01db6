"""The graphs of a bundle against their model, layer by layer, for the case or call in which they differ most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espnet.nets.tensors import as_array
from espnet2.export.compare import compare_results
from espnet2.export.doctor.find import nodes_of_bundle
from espnet2.export.doctor.layers import Comparison, compare
from espnet2.export.nodes import Node, debug_directory, nodes_of
from espnet2.export.trace import traced
from espnet2.export.verify import component_cases
from espnet2.inference.trained import Trained, load_trained
from espnet2.interface.check import Check
from espnet2.interface.errors import OptionError, listed
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.compare import difference

Part = tuple[torch.nn.Module, Component]
Cases = list[tuple[str, dict[str, np.ndarray]]]
KEPT = 40  # calls of a graph that are compared


def compare_bundle(
    path: str | Path, graph: str | None = None, recordings: Sequence[str | Path] = (), **model: Any
) -> tuple[list[Comparison], list[Check]]:
    """Each graph in the case in which PyTorch and onnxruntime differ most, and the differences of results.

    Args:
        path: The bundle.
        graph: One of its graphs; None: all.
        recordings: Signals; the graphs are compared in the calls that PyTorch makes for them, results for each. Without
            any, the graphs are compared in the cases of verification.
        model: The files of the model, as `load_trained` takes them.

    Raises:
        OptionError: A graph that the bundle or the model lacks.
        EspnetError: Files cannot be read, or the recordings cannot be used.
    """
    bundle = Bundle.load(path, verify=True)
    trained = load_trained(
        **model, family=bundle.family, **bundle.family.exported_with(bundle.section, bundle.manifest.provenance)
    )
    parts = {
        component.name: (module, component)
        for module, component in trained.parts
        if component.name in bundle.components
    }
    if graph is not None and graph not in parts:
        raise OptionError(f"--graph: expected one of {listed(parts, graph)}, found {graph!r}")
    graphs = {name: bundle.graph(name) for name in parts}
    chosen = [graph] if graph else list(parts)
    calls, checks = {}, []
    if recordings:
        signals = trained.signals(recordings)
        calls = calls_of(trained, signals)
        checks = compare_results(
            trained, {name: bundle.graph(name) for name in bundle.components}, signals, bounded=False
        )
    found = []
    for name in chosen:
        cases = calls.get(name, []) if recordings else list(component_cases(parts[name][1]))
        if cases:
            label, feeds = _worst(trained.graphs[name], graphs[name], cases)
            file = Path(path) / bundle.manifest.components[name]["file"]
            found.append(compare(name, label, parts[name], file, feeds, _nodes(path, name, parts[name])))
    return found, checks


def _nodes(path: str | Path, graph: str, part: Part) -> list[Node]:
    """The nodes of a graph as `export_onnx --debug` kept them, or of one that is made again."""
    kept = debug_directory(path) / f"{graph}.json"
    return nodes_of_bundle(path, graph) if kept.is_file() else nodes_of(traced(*part).model)


class _Recorder:
    """A graph that keeps what it is fed."""

    def __init__(self, graph: Graph) -> None:
        self.component = graph.component
        self.kept: list[dict[str, np.ndarray]] = []
        self._graph = graph

    def __call__(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(self.kept) < KEPT:
            names = [(tensor.name, tensor.dtype) for tensor in self.component.feeds]
            self.kept.append({name: np.array(as_array(feeds[name]), dtype) for name, dtype in names})
        return self._graph(feeds)


def calls_of(trained: Trained, signals: Mapping[str, Any]) -> dict[str, Cases]:
    """Labels and feeds of the calls that PyTorch's inference makes of each graph, the first `KEPT` of a signal."""
    found: dict[str, Cases] = {}
    for name, signal in signals.items():
        recorders = {graph: _Recorder(run) for graph, run in trained.graphs.items()}
        components = {graph: recorder.component for graph, recorder in recorders.items()}
        options, _ = trained.family.checked_options(components, trained.section, bounded=False)
        trained.run(options, recorders)(signal)
        for graph, recorder in recorders.items():
            labels = (f"{name}, call {index + 1}" for index in range(len(recorder.kept)))
            found.setdefault(graph, []).extend(zip(labels, recorder.kept, strict=True))
    return found


def _worst(reference: Graph, graph: Graph, cases: Cases) -> tuple[str, dict[str, np.ndarray]]:
    """The case in which outputs differ most, the longest one of equals; a case that onnxruntime refuses counts most."""
    return max(reversed(cases), key=lambda case: _difference(reference, graph, case[1]))


def _difference(reference: Graph, graph: Graph, feeds: Mapping[str, np.ndarray]) -> float:
    expected, found = reference(feeds), graph(feeds)
    return max(difference(as_array(expected[t.name]), as_array(found[t.name])) for t in graph.component.results)


def explain_failure(trained: Trained, paths: Mapping[str, Path], checks: Sequence[Check]) -> str:
    """The layers of the first graph that failed, in the case that failed; empty where none of the checks is of a graph.

    `paths` are the files of the graphs by component.
    """
    return next((str(found) for found in _failed(trained, paths, checks)), "")


def _failed(trained: Trained, paths: Mapping[str, Path], checks: Sequence[Check]) -> Iterator[Comparison]:
    failed = {check.subject: check.case.partition(",")[0] for check in reversed(checks) if not check.passed}
    for part in trained.parts:
        name = part[1].name
        for label, feeds in component_cases(part[1]) if name in failed else ():
            if label == failed[name]:
                yield compare(name, label, part, paths[name], feeds, nodes_of(traced(*part).model))
