"""Time, multiply-adds and bytes of weights of each module of a bundle, from onnxruntime's profile."""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from espnet2.export.doctor.find import find_node, nodes_of_bundle
from espnet2.export.doctor.products import products_of
from espnet2.export.nodes import Node
from espnet2.export.verify import component_cases
from espnet2.interface.errors import GraphError, OptionError, listed, reason_of
from espnet2.interface.spec import Component
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.session import open_session, require_same

RUNS = 5
OTHER = "(none)"  # what onnxruntime adds, or has made of several nodes, without the name of one


@dataclass(frozen=True)
class Row:
    """Seconds, multiply-adds and bytes of weights of a call of a graph, a module or an operator."""

    name: str
    seconds: float
    weights: int = 0
    products: int = 0


@dataclass(frozen=True)
class GraphSize:
    """A graph in the longest case of its verification: rows of its modules and operators, the slowest first."""

    graph: str
    case: str
    modules: Sequence[Row]
    operators: Sequence[Row]

    @property
    def total(self) -> Row:
        """The whole graph."""
        seconds, weights, products = (
            sum(getattr(r, n) for r in self.modules) for n in ("seconds", "weights", "products")
        )
        return Row(self.graph, seconds, weights, products)


def sizes_of_bundle(path: str | Path, graph: str | None = None, depth: int = 2) -> list[GraphSize]:
    """Sizes of a graph, or of all; paths of modules are cut behind `depth` names.

    Raises `OptionError` for a graph that the bundle lacks, and `BundleError` where `export_onnx --debug` has not kept
    the origins of its nodes.
    """
    bundle = Bundle.load(path, verify=True)
    names = list(bundle.manifest.components)
    if graph is not None and graph not in names:
        raise OptionError(f"--graph: expected one of {listed(names, graph)}, found {graph!r}")
    if depth < 1:
        raise OptionError(f"--depth: expected at least 1, found {depth}")
    chosen = [graph] if graph else names
    nodes = {name: nodes_of_bundle(path, name) for name in chosen}
    return [_size(bundle, name, nodes[name], depth) for name in chosen]


def _size(bundle: Bundle, graph: str, nodes: Sequence[Node], depth: int) -> GraphSize:
    file = bundle.path / bundle.manifest.components[graph]["file"]
    component = bundle.components[graph]
    label, feeds = list(component_cases(component))[-1]
    seconds, products, operators = Counter[str](), Counter[str](), Counter[str]()
    of_operators = Counter[str]()
    for name, event in _events(file, component, feeds):
        module = _cut(_module(nodes, name), depth)
        operator = event["args"]["op_name"]
        count = products_of(event["args"])
        seconds[module] += event["dur"]
        products[module] += count
        operators[operator] += event["dur"]
        of_operators[operator] += count
    weights, read = _weights(file, nodes, depth)
    rows = [Row(n, seconds[n] / RUNS / 1e6, weights[n], products[n] // RUNS) for n in seconds | weights]
    by_time = [
        Row(name, operators[name] / RUNS / 1e6, read[name], of_operators[name] // RUNS)
        for name in sorted(operators | read, key=lambda name: -operators[name])
    ]
    return GraphSize(graph, label, sorted(rows, key=lambda row: -row.seconds), by_time)


def _events(file: Path, component: Component, feeds: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Names of nodes and what onnxruntime's profile tells of each of their runs."""
    with tempfile.TemporaryDirectory() as directory:
        session = open_session(file, 1, profile=f"{directory}/profile")
        require_same(file, "inputs", component.feeds, session.get_inputs())
        try:
            for _ in range(RUNS):
                session.run(None, dict(feeds))
        except Exception as error:  # onnxruntime's errors have no common base but this
            raise GraphError(f"{file}: expected what the graph can compute, found: {reason_of(error)}") from error
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            yield event["name"].removesuffix("_kernel_time"), event


def _module(nodes: Sequence[Node], name: str) -> str:
    try:
        return find_node(nodes, name).module
    except OptionError:
        return OTHER


def _weights(file: Path, nodes: Sequence[Node], depth: int) -> tuple[Counter[str], Counter[str]]:
    """Bytes of weights of each module and of each operator; what several read counts for the first.

    Operators are those of the file, of which onnxruntime may make others.
    """
    found, operators = Counter[str](), Counter[str]()
    stored = {item.name: item for item in onnx.load(str(file), load_external_data=False).graph.initializer}
    for node in nodes:
        for name in {item.removeprefix("module.") for item in node.weights} & stored.keys():
            item = stored.pop(name)
            bytes_each = onnx.helper.tensor_dtype_to_np_dtype(item.data_type).itemsize
            found[_cut(node.module, depth)] += math.prod(item.dims) * bytes_each
            operators[node.operator] += math.prod(item.dims) * bytes_each
    return found, operators


def _cut(module: str, depth: int) -> str:
    return ".".join(module.split(".")[:depth]) or OTHER


def table(rows: Sequence[Row]) -> str:
    """The rows as lines of text, with milliseconds, millions of multiply-adds and kilobytes."""
    width = max((len(row.name) for row in rows), default=0)
    lines = [
        f"{row.name:{width}}  {1e3 * row.seconds:9.3f}  {row.products / 1e6:9.2f}  {row.weights / 1e3:9.1f}"
        for row in rows
    ]
    return "\n".join([f"{'':{width}}  {'ms':>9}  {'M mul-add':>9}  {'kB':>9}", *lines])


def report(sizes: Sequence[GraphSize]) -> str:
    """All graphs, where there are several, then modules and operators of each."""
    parts = [table([size.total for size in sizes])] if len(sizes) > 1 else []
    for size in sizes:
        parts += [f"{size.graph}, {size.case}, by module:\n{table(size.modules)}"]
        parts += [f"{size.graph}, by operator:\n{table(size.operators)}"]
    return "\n\n".join(parts)
