"""Time and bytes of weights of each module of a bundle's graph, from onnxruntime's profile."""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnxruntime

from espnet2.export.doctor.find import find_node, nodes_of_bundle
from espnet2.export.verify import component_cases
from espnet2.interface.errors import OptionError, listed
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.session import session_options

RUNS = 5
OTHER = "(none)"  # what onnxruntime made of several nodes, without the name of one


@dataclass(frozen=True)
class Row:
    """Seconds of a call and bytes of weights of a module, or of an operator."""

    name: str
    seconds: float
    weights: int


def sizes_of_bundle(path: str | Path, graph: str, depth: int = 2) -> tuple[list[Row], list[Row]]:
    """Modules, whose paths are cut behind `depth` names, and operators of a graph, the slowest first.

    The graph runs for the longest case of the verification. Raises `OptionError` for a graph that the bundle lacks,
    and `BundleError` where `export_onnx --debug` has not kept the origins of its nodes.
    """
    bundle = Bundle.load(path, verify=True)
    if graph not in bundle.manifest.components:
        raise OptionError(f"--graph: expected one of {listed(bundle.manifest.components, graph)}, found {graph!r}")
    nodes = nodes_of_bundle(path, graph)
    file = Path(path) / bundle.manifest.components[graph]["file"]
    _, feeds = list(component_cases(bundle.components[graph]))[-1]
    options = session_options(1)
    with tempfile.TemporaryDirectory() as directory:
        options.enable_profiling, options.profile_file_prefix = True, f"{directory}/profile"
        session = onnxruntime.InferenceSession(str(file), options)
        for _ in range(RUNS):
            session.run(None, {item.name: feeds[item.name] for item in session.get_inputs()})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    seconds, operators, weights = Counter[str](), Counter[str](), Counter[str]()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            try:
                module = find_node(nodes, event["name"].removesuffix("_kernel_time")).module
            except OptionError:
                module = OTHER
            seconds[_cut(module, depth)] += event["dur"]
            operators[event["args"]["op_name"]] += event["dur"]
    stored = {item.name: item for item in onnx.load(str(file), load_external_data=False).graph.initializer}
    for node in nodes:
        for name in {item.removeprefix("module.") for item in node.weights} & stored.keys():
            item = stored.pop(name)
            bits = onnx.helper.tensor_dtype_to_np_dtype(item.data_type).itemsize
            weights[_cut(node.module, depth)] += math.prod(item.dims) * bits
    names = sorted(seconds | weights, key=lambda name: -seconds[name])
    modules = [Row(name, seconds[name] / RUNS / 1e6, weights[name]) for name in names]
    return modules, [Row(name, time / RUNS / 1e6, 0) for name, time in operators.most_common()]


def _cut(module: str, depth: int) -> str:
    return ".".join(module.split(".")[:depth]) or OTHER


def table(rows: list[Row]) -> str:
    """The rows as lines of text, with milliseconds and kilobytes."""
    width = max((len(row.name) for row in rows), default=0)
    lines = [f"{row.name:{width}}  {1e3 * row.seconds:9.3f}  {row.weights / 1e3:9.1f}" for row in rows]
    return "\n".join([f"{'':{width}}  {'ms':>9}  {'kB':>9}", *lines])
