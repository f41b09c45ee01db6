"""Every check over every row of the zoo: equal to upstream's golden, the same in a padded batch, the same as a graph.

Three utterances of different length are run as one padded batch; the goldens were made from each alone. Graphs are
exported once per row and run by onnxruntime at the shortest length, at odd lengths, alone and in a ragged batch.
"""

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import typeguard

from espnet2.export.examples import axes_of, draw, first_step
from espnet2.export.torch_graph import TorchGraph
from espnet2.export.trace import export_component
from espnet2.runtime.spec import Component, Tensor


def _load(name: str):
    """A module that lies beside this file: `test/` is no package, its name belongs to the standard library."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


zoo_data, zoo, zoo_calls = map(_load, ("zoo_data", "zoo", "zoo_calls"))

GOLDEN = Path(__file__).with_name("golden")
GRAPH_TOLERANCE = 1e-4  # onnxruntime against PyTorch
STEPS = 20
LENGTHS = (0, 41, 131, 333)  # 0 stands for the shortest that the component accepts
OTHER_AXES = {"past": (0, 7, 40, 1), "parent": (1, 3, 5, 2), "beam": (1, 4, 7, 3)}
LONG = (1500, 6000)  # frames; upstream's tables end at 5000
RUN_LONG = {"conformer-conv2d", "conformer-legacy", "conformer-abs_pos", "transformer-conv2d"}
RELATIVE = ("rel", "legacy")  # encodings that return a table of positions as well
# Rows whose graph is made of parts that other rows export, with other sizes or constants, or under the name of another
# option: they go through PyTorch only, since an export takes seconds.
SAME_GRAPH = {
    *(f"frontend-{name}" for name in ("hop160", "fs16k", "fmin-fmax", "hamming", "blackman", "no-frontend-conf")),
    *(f"conformer-{name}" for name in ("conv2d1", "conv2d2", "conv2d6", "conv2d8", "embed")),  # as transformers
    *(f"conformer-{name}" for name in ("legacy_rel_pos", "legacy-zero_triu", "legacy-no-input-layer", "two-blocks")),
    *(f"conformer-{name}" for name in ("abs_pos-no-flash", "rel_pos-qk_norm", "no-cnn-no-macaron", "short-table")),
    *(f"conformer-{name}" for name in ("training-options", "interctc")),
    *(f"transformer-{name}" for name in ("no-flash", "two-blocks", "interctc")),
    *(f"model-{name}" for name in ("ctc-only", "attention-only", "lm-transformer")),
    "decoder-no-flash",
    "ctc-dropout",
}
# They read or give vectors where graphs have tokens or samples.
NO_GRAPH = {"decoder-linear", "decoder-no-output-layer"}


def _rows(*calls: str):
    """Parametrize over the rows that are called so, all by default, with their names as ids."""
    chosen = [row for row in zoo.ROWS.values() if not calls or row.call in calls]
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in chosen])


def _exported(*calls: str):
    chosen = [row for row in zoo.ROWS.values() if row.call in calls and row.name not in SAME_GRAPH | NO_GRAPH]
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in chosen])


def _golden(row) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / f"{row.name}.npz") as arrays:
        return dict(arrays)


def _distance(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference, relative to the expected value where that exceeds 1; inf for other shapes."""
    if found.shape != expected.shape:
        return float("inf")
    return float((np.abs(found - expected) / np.maximum(1, np.abs(expected))).max(initial=0))


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
    distances = {key: _distance(value, golden[key]) for key, value in arrays.items()}
    assert max(distances.values()) <= row.tolerance, distances


@_rows("encoder", "encode", "frontend", "normalize", "decoder", "subsampling")
def test_what_lies_in_the_padding_does_not_matter(row, tmp_path):
    module = zoo_calls.module_for(row, tmp_path)
    together = zoo_calls.outputs_of(row, module, range(len(row.lengths)), padding=5.0)
    for index, outputs in enumerate(together):
        (alone,) = zoo_calls.outputs_of(row, module, [index])
        assert {name: value.shape for name, value in outputs.items()} == {n: v.shape for n, v in alone.items()}
        assert max(_distance(outputs[name], alone[name]) for name in alone) <= 1e-5


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
        return dict(zip(names, self._session.run(names, dict(feeds)), strict=True))


def _graphs(row, module: torch.nn.Module, directory: Path) -> list[tuple[TorchGraph, _OnnxGraph]]:
    """The row's components, each on PyTorch and exported."""
    parts = _parts(module)
    if row.call == "encode" and row.name != "model-conformer":
        del parts[1:]  # CTC and decoder are what they are in that one
    paths = [export_component(*part, directory / f"{part[1].name}.onnx") for part in parts]
    return [(TorchGraph(*part), _OnnxGraph(part[1], path)) for part, path in zip(parts, paths, strict=True)]


def _sizes(component: Component, index: int) -> dict[str, int]:
    """Sizes of the `index`-th case; an axis that an output length depends on is at least its shortest."""
    shortest = component.shortest()
    return {
        axis: OTHER_AXES[axis][index] if axis in OTHER_AXES else max(LENGTHS[index], shortest.get(axis, 1))
        for axis in axes_of(component)
    }


def _compare(torch_graph: TorchGraph, onnx_graph: _OnnxGraph, feeds: dict[str, np.ndarray], label: object) -> None:
    component, expected, found = torch_graph.component, torch_graph(feeds), onnx_graph(feeds)
    for tensor in component.results:
        value = found[tensor.name]
        distance = _distance(value, expected[tensor.name].numpy())
        assert distance <= GRAPH_TOLERANCE, f"{component.name} {label}: {tensor.name} differs by {distance:.3g}"
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
    for frames in LONG:
        feeds = draw(torch_graph.component, {"batch": 1, "frames": frames})
        _compare(torch_graph, onnx_graph, feeds, frames)


def _steps(graph, fixed: dict[str, np.ndarray], batch: int, beam: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Tokens so far (batch, beam, U) and the next token's log-probabilities, of hypotheses that are reordered and
    dropped at random before each of `STEPS` steps."""
    component, random = graph.component, np.random.default_rng(1)
    states = {s.input.name: np.zeros(component.initial_shape(s, batch=batch), s.input.dtype) for s in component.states}
    history, parent = np.zeros((batch, 1, 0), np.int64), component.initial["parent"]
    for _ in range(STEPS):
        parents = random.integers(0, parent, (batch, beam))
        tokens = random.integers(1, zoo.VOCABULARY, (batch, beam))
        results = graph({**fixed, **states, "tokens": tokens, "parents": parents})
        states = {state.input.name: np.asarray(results[state.output.name]) for state in component.states}
        history = np.concatenate([np.take_along_axis(history, parents[..., None], 1), tokens[..., None]], 2)
        parent = beam
        yield history, np.asarray(results["log_probs"])


def _check_steps(graph, forward, fixed: dict[str, np.ndarray], batch: int) -> None:
    """`forward` maps tokens (batch * beam, U) to logits (batch * beam, U, V)."""
    for history, log_probs in _steps(graph, fixed, batch, beam=3):
        with torch.no_grad():
            logits = forward(torch.from_numpy(history).flatten(0, 1))[:, -1]
        expected = logits.log_softmax(-1).reshape(log_probs.shape).numpy()
        assert _distance(log_probs, expected) <= GRAPH_TOLERANCE


def _check_decoder_steps(module: torch.nn.Module, start: _OnnxGraph, step: _OnnxGraph) -> None:
    memory = np.random.default_rng(0).standard_normal((2, 37, zoo.MODEL)).astype(np.float32)
    lengths = np.array([37, 20])
    projected = start({"encoder_out": memory})

    def forward(tokens: torch.Tensor) -> torch.Tensor:
        beam = len(tokens) // len(memory)
        text_lengths = torch.full((len(tokens),), tokens.shape[1])
        hypotheses = torch.from_numpy(memory.repeat(beam, 0)), torch.from_numpy(lengths.repeat(beam))
        return module(*hypotheses, tokens, text_lengths)[0]

    _check_steps(step, forward, {**projected, "memory_lengths": lengths}, batch=2)


def _check_lm_steps(module: torch.nn.Module, step: _OnnxGraph) -> None:
    _check_steps(step, lambda tokens: module(tokens, None)[0], {}, batch=2)


CHECK_STEPS = {"decoder": _check_decoder_steps, "lm": _check_lm_steps}


@_exported("frontend", "encoder", "ctc", "decoder", "lm", "encode", "lm_model")
def test_graph_equals_torch(row, tmp_path):
    module = zoo_calls.module_for(row, tmp_path)
    graphs = _graphs(row, module, tmp_path)
    for pair in graphs:
        _check_cases(*pair)
        if row.name in RUN_LONG:
            _check_long(*pair)
    if row.call in CHECK_STEPS:
        CHECK_STEPS[row.call](module, *(onnx_graph for _, onnx_graph in graphs))


@pytest.mark.parametrize("name", ["decoder-linear", "decoder-no-output-layer"])
def test_decoder_without_tokens_declares_no_graph(name, tmp_path):
    assert zoo_calls.module_for(zoo.ROWS[name], tmp_path).components() == ()


@pytest.mark.parametrize("name", zoo.POSITIONS)
def test_position_graph_has_no_limit(name, tmp_path):
    module = zoo_calls.module_for(zoo.ROWS[f"position-{name}"], tmp_path)
    xs = Tensor("xs", ("batch", "frames", zoo.MODEL))
    results = (Tensor("out", xs.axes), Tensor("positions", (1, "positions", zoo.MODEL)))
    component = Component("position", "forward", (xs,), results[: len(results) if name in RELATIVE else 1])
    pair = (
        TorchGraph(module, component),
        _OnnxGraph(component, export_component(module, component, tmp_path / "p.onnx")),
    )
    _compare(*pair, draw(component, {"batch": 1, "frames": 1}), 1)
    _check_long(*pair)


# Row, options that it must refuse, and what the sentence says.
REFUSED = [
    ("conformer-conv2d", {"input_layer": "conv2d3"}, "input_layer.*conv2d3.*conv2d6"),
    ("conformer-conv2d", {"rel_pos_type": "newest"}, "rel_pos_type.*newest.*latest"),
    ("conformer-conv2d", {"pos_enc_layer_type": "rotary"}, "pos_enc_layer_type.*rotary.*abs_pos"),
    ("conformer-conv2d", {"selfattention_layer_type": "fast"}, "selfattention_layer_type.*fast.*rel_selfattn"),
    ("conformer-conv2d", {"pos_enc_layer_type": "abs_pos"}, "abs_pos.*rel_selfattn"),
    ("conformer-conv2d", {"selfattention_layer_type": "selfattn"}, "rel_pos.*selfattn"),
    ("conformer-conv2d", {"positionwise_layer_type": "conv3d"}, "positionwise_layer_type.*conv3d.*conv1d-linear"),
    ("conformer-conv2d", {"activation_type": "gelu"}, "activation.*gelu.*swish"),
    ("conformer-conv2d", {"cnn_module_kernel": 8}, "kernel.*8"),
    ("conformer-conv2d", {"output_size": 15}, "15"),
    ("conformer-conv2d", {"interctc_layer_idx": [2]}, "interctc_layer_idx.*2"),
    ("conformer-conv2d", {"stochastic_depth_rate": [0.1, 0.2, 0.3]}, "stochastic_depth_rate.*3"),
    ("conformer-conv2d", {"num_blocks": "12"}, "num_blocks.*int"),
    ("conformer-conv2d", {"layers": 2}, "layers"),
    ("conformer-conv2d8", {"input_size": 6}, "features.*6"),
    ("conformer-no-input-layer", {"input_size": 20}, "input.*20.*16"),
    ("transformer-conv2d", {"input_layer": "conv3d"}, "input_layer.*conv3d.*conv1d2"),
    ("transformer-conv2d", {"positionwise_layer_type": "conv3d"}, "positionwise_layer_type.*conv3d.*conv1d-linear"),
    ("transformer-conv2d", {"interctc_layer_idx": [5]}, "interctc_layer_idx.*5"),
    ("decoder-default", {"input_layer": "conv2d"}, "input_layer.*conv2d.*embed"),
    ("decoder-default", {"attention_heads": 3}, "16.*3"),
    ("ctc-default", {"ctc_type": "warpctc"}, "ctc_type.*warpctc.*builtin"),
    ("rnn_lm-lstm", {"rnn_type": "lru"}, "rnn_type.*lru.*gru"),
    ("rnn_lm-lstm", {"tie_weights": True}, "tie_weights|tied"),
    ("transformer_lm-default", {"pos_enc": "rotary"}, "pos_enc.*rotary.*sinusoidal"),
    ("frontend-default", {"window": "triangle"}, "window.*hann.*triangle"),
    ("frontend-default", {"fs": "fast"}, "fs.*fast"),
    ("frontend-default", {"onesided": False}, "onesided"),
    ("frontend-default", {"frontend_conf": {"use_wpe": True}}, "use_wpe"),
    ("frontend-default", {"win_length": 600}, "win_length.*600"),
    ("frontend-default", {"n_mels": "80"}, "n_mels"),
    ("global_mvn", {"stats_file": "absent.npz"}, "absent.npz"),
]


@pytest.mark.parametrize(("name", "options", "sentence"), REFUSED)
def test_bad_options_are_refused(name, options, sentence, tmp_path):
    make = zoo.ROWS[name].make
    with pytest.raises((ValueError, TypeError, typeguard.TypeCheckError), match=sentence) as caught:
        zoo_calls.build(zoo_data.New(make.target, {**make.options, **options}), tmp_path)
    assert "\n" not in str(caught.value)
