"""Every check over every row of the zoo: equal to upstream's golden, the same in a padded batch, the same as a graph.

Three utterances of different length are run as one padded batch; the goldens were made from each alone. Graphs are
exported once per row and run by onnxruntime at the shortest length, at odd lengths, alone and in a ragged batch.
"""

import json
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import typeguard
import zoo
import zoo_calls
import zoo_data
import zoo_hybrid
import zoo_rows
from zoo_kind import Kind
from zoo_steps import GRAPH_TOLERANCE, distance

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet2.export.examples import axes_of, draw, first_step
from espnet2.export.trace import export_component
from espnet2.interface.errors import MissingPackageError
from espnet2.interface.spec import Component, Tensor

GOLDEN = Path(__file__).with_name("golden")
LENGTHS = (0, 41, 131, 333, 1500)  # frames; 0 stands for the shortest that the component accepts
SAMPLES_PER_FRAME = 64
OTHER_AXES = {
    "past": (0, 7, 40, 1, 20),
    "rows": (0, 9, 70, 1, 30),
    "parent": (1, 3, 5, 2, 4),
    "beam": (1, 4, 7, 3, 2),
    "channels": (2, 1, 4, 6, 3),
}
LONG = 6000  # frames; upstream's tables end at 5000
RELATIVE = {"rel": "positions", "legacy": "frames"}  # encodings that return a table as well: the table's axis


def _rows(wanted: Callable[[Kind], bool] = lambda kind: True, but: Collection[str] = ()):
    """Parametrize over the rows of the kinds that are wanted, but for some, with their names as ids."""
    chosen = [row for row in zoo.ROWS.values() if wanted(zoo_calls.KINDS[row.kind]) and row.name not in but]
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in chosen])


def _golden(row) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / f"{row.name}.npz") as arrays:
        return dict(arrays)


@_rows()
def test_state_dict_equals_upstream(row, tmp_path):
    module = zoo_calls.module_for(row, tmp_path)  # loads strictly
    assert zoo_calls.state_of(module) == json.loads(str(_golden(row)["state"]))


@_rows()
def test_padded_batch_equals_upstream_alone(row, tmp_path):
    module, golden = zoo_calls.module_for(row, tmp_path), _golden(row)
    found = zoo_calls.outputs_of(row, module, range(len(row.lengths)))
    arrays = {f"{index}.{name}": value for index, outputs in enumerate(found) for name, value in outputs.items()}
    assert arrays.keys() == golden.keys() - {"state"}
    assert {key: value.shape for key, value in arrays.items()} == {key: golden[key].shape for key in arrays}
    distances = {key: distance(value, golden[key]) for key, value in arrays.items()}
    assert max(distances.values()) <= row.tolerance, distances


@_rows(lambda kind: kind.padded)
def test_what_lies_in_the_padding_does_not_matter(row, tmp_path):
    module = zoo_calls.module_for(row, tmp_path)
    together = zoo_calls.outputs_of(row, module, range(len(row.lengths)), padding=5.0)
    for index, outputs in enumerate(together):
        (alone,) = zoo_calls.outputs_of(row, module, [index])
        assert {name: value.shape for name, value in outputs.items()} == {n: v.shape for n, v in alone.items()}
        assert max(distance(outputs[name], alone[name]) for name in alone) <= 1e-5


def _parts(module: torch.nn.Module) -> list[tuple[torch.nn.Module, Component]]:
    """Every component with the module that declares it."""
    if hasattr(module, "parts"):
        return list(module.parts())
    return [(module, component) for component in module.components()]


class _OnnxGraph:
    """A component run by onnxruntime on one thread."""

    def __init__(self, component: Component, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.component = component
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, feeds) -> dict[str, np.ndarray]:
        names = [tensor.name for tensor in self.component.results]
        reads = {tensor.name: feeds[tensor.name] for tensor in self.component.feeds}
        return dict(zip(names, self._session.run(names, reads), strict=True))


def _graphs(row, module: torch.nn.Module, directory: Path) -> list[tuple[TorchGraph, _OnnxGraph]]:
    """The row's components, each on PyTorch and exported."""
    parts, heads = _parts(module), zoo_calls.KINDS[row.kind].heads
    if heads not in ("", row.name):
        del parts[1:]
    paths = [export_component(*part, directory / f"{part[1].name}.onnx") for part in parts]
    return [
        (TorchGraph(part[0].eval(), part[1]), _OnnxGraph(part[1], path))
        for part, path in zip(parts, paths, strict=True)
    ]


def _sizes(component: Component, index: int) -> dict[str, int]:
    """Sizes of the `index`-th case; an axis that an output length depends on is at least its shortest."""
    shortest = component.shortest()
    return {
        axis: OTHER_AXES[axis][index]
        if axis in OTHER_AXES
        else max(LENGTHS[index] * (SAMPLES_PER_FRAME if axis == "samples" else 1), shortest.get(axis, 1))
        for axis in axes_of(component)
    }


def _compare(torch_graph: TorchGraph, onnx_graph: _OnnxGraph, feeds: dict[str, np.ndarray], label: object) -> None:
    component, expected, found = torch_graph.component, torch_graph(feeds), onnx_graph(feeds)
    for tensor in component.results:
        value = found[tensor.name]
        worst = distance(value, expected[tensor.name].numpy())
        assert worst <= GRAPH_TOLERANCE, f"{component.name} {label}: {tensor.name} differs by {worst:.3g}"
        assert str(value.dtype) == tensor.dtype
        assert value.ndim == len(tensor.axes)
        wrong = [
            axis for axis, size in zip(tensor.axes, value.shape, strict=True) if isinstance(axis, int) and axis != size
        ]
        assert not wrong, f"{component.name}: {tensor.name} declares {tensor.axes}, has {value.shape}"


def _check_cases(torch_graph: TorchGraph, onnx_graph: _OnnxGraph) -> None:
    """Odd lengths, alone and in a ragged batch; steps from empty states and from random ones."""
    component = torch_graph.component
    for index in range(len(LENGTHS)):
        for batch in (1, 3):
            sizes = {**_sizes(component, index), "batch": batch}
            make = first_step if index == 0 else draw
            _compare(torch_graph, onnx_graph, make(component, sizes, seed=index), sizes)


def _check_long(torch_graph: TorchGraph, onnx_graph: _OnnxGraph) -> None:
    given = {"batch": 1, "frames": LONG, "samples": LONG * SAMPLES_PER_FRAME}
    sizes = {**_sizes(torch_graph.component, 1), **given}
    _compare(torch_graph, onnx_graph, draw(torch_graph.component, sizes), LONG)


@_rows(lambda kind: kind.exported, but=zoo.SAME_GRAPH | zoo.NO_GRAPH)
def test_graph_equals_torch(row, tmp_path):
    module = zoo_calls.module_for(row, tmp_path)
    graphs = _graphs(row, module, tmp_path)
    for pair in graphs:
        _check_cases(*pair)
        if row.name in zoo.LONG:
            _check_long(*pair)
    check_steps = zoo_calls.KINDS[row.kind].steps
    if check_steps is not None:
        check_steps(module, *(onnx_graph for _, onnx_graph in graphs))


@pytest.mark.parametrize("name", ["decoder-linear", "decoder-no-output-layer"])
def test_decoder_without_tokens_declares_no_graph(name, tmp_path):
    assert zoo_calls.module_for(zoo.ROWS[name], tmp_path).components() == ()


@pytest.mark.parametrize("name", zoo_hybrid.POSITIONS)
def test_position_graph_has_no_limit(name, tmp_path):
    module = zoo_calls.module_for(zoo.ROWS[f"position-{name}"], tmp_path)
    xs = Tensor("xs", ("batch", "frames", zoo_rows.MODEL))
    tables = [Tensor("positions", (1, RELATIVE[name], zoo_rows.MODEL))] if name in RELATIVE else []
    component = Component("position", "forward", (xs,), (Tensor("out", xs.axes), *tables))
    pair = (
        TorchGraph(module.eval(), component),
        _OnnxGraph(component, export_component(module, component, tmp_path / "p.onnx")),
    )
    _compare(*pair, draw(component, {"batch": 1, "frames": 1}), 1)
    _check_long(*pair)


@pytest.mark.parametrize(("name", "options", "sentence"), zoo.REFUSED)
def test_bad_options_are_refused(name, options, sentence, tmp_path):
    make = zoo.ROWS[name].make
    with pytest.raises((ValueError, TypeError, typeguard.TypeCheckError), match=sentence) as caught:
        zoo_calls.build(zoo_data.New(make.target, {**make.options, **options}), tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("target", "options", "sentence"), zoo.UNAVAILABLE)
def test_unavailable_choice_says_what_is_missing(target, options, sentence):
    with pytest.raises(MissingPackageError, match=sentence) as caught:
        zoo_calls.attribute(target)(**options)
    assert "\n" not in str(caught.value)
