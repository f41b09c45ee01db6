"""A graph of a bundle against its model, layer by layer, for the case in which they differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet2.export.doctor.find import nodes_of_bundle
from espnet2.export.doctor.layers import Layer, compare_layers, table
from espnet2.export.nodes import debug_directory, nodes_of
from espnet2.export.trace import traced
from espnet2.export.verify import component_cases
from espnet2.inference.trained import Trained, load_trained
from espnet2.interface.check import Check
from espnet2.interface.errors import OptionError, listed
from espnet2.runtime.bundle import Bundle


def compare_bundle(path: str | Path, graph: str, **model: Any) -> tuple[str, list[Layer]]:
    """Label of the case in which most layers part, or the last one, and the layers of the bundle's graph in it.

    Raises `OptionError` for a graph that the bundle or the model lacks, and what reading the files raises.
    """
    bundle = Bundle.load(path, verify=True)
    trained = load_trained(
        **model, family=bundle.family, **bundle.family.exported_with(bundle.section, bundle.manifest.provenance)
    )
    parts = {component.name: (module, component) for module, component in trained.parts}
    if graph not in parts or graph not in bundle.manifest.components:
        raise OptionError(f"--graph: expected one of {listed(bundle.manifest.components, graph)}, found {graph!r}")
    module, component = parts[graph]
    file = Path(path) / bundle.manifest.components[graph]["file"]
    known = debug_directory(path).is_dir()
    nodes = nodes_of_bundle(path, graph) if known else nodes_of(traced(module, component).model)
    results = [
        (label, compare_layers(module, component, file, feeds, nodes)) for label, feeds in component_cases(component)
    ]
    return max(results, key=lambda result: sum(layer.parts for layer in result[1]))


def explain_failure(trained: Trained, paths: Mapping[str, Path], checks: Sequence[Check]) -> str:
    """The layers of the first graph that failed, in the case that failed; empty where none of the checks is of a graph.

    `paths` are the files of the graphs by component.
    """
    failed = {check.subject: check.case.partition(",")[0] for check in reversed(checks) if not check.passed}
    for module, component in trained.parts:
        for label, feeds in component_cases(component) if component.name in failed else ():
            if label == failed[component.name]:
                nodes = nodes_of(traced(module, component).model)
                layers = compare_layers(module, component, paths[component.name], feeds, nodes)
                return f"{component.name}, {label}:\n{table(layers)}"
    return ""
