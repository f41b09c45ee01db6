"""A graph that onnxruntime runs: values in and out, and files that are not that graph."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from espnet2.interface.errors import BundleError, OptionError
from espnet2.interface.spec import Component, Tensor
from espnet2.runtime import session
from espnet2.runtime.session import OnnxGraph, may_overflow

STEP = Component(
    name="step",
    method="step",
    inputs=(Tensor("new", ("batch", "frames", 2)), Tensor("past", ("batch", "frames", 2))),
    outputs=(Tensor("both", ("batch", "frames", 2)),),
)


@pytest.fixture(scope="module")
def step_file(tmp_path_factory):
    """A graph that joins two sequences."""
    onnx = pytest.importorskip("onnx")
    from onnx import helper as h

    values = [h.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["b", f"t_{n}", 2]) for n in ("past", "new", "both")]
    graph = h.make_graph([h.make_node("Concat", ["past", "new"], ["both"], axis=1)], "step", values[:2], values[2:])
    path = tmp_path_factory.mktemp("step") / "step.onnx"
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 20)], ir_version=10), path)
    return path


def test_onnxruntime_keeps_no_identifier_of_the_device(tmp_path):
    graph = Path(__file__).parents[2] / "golden" / "spk" / "embedding.onnx"
    script = f"from espnet2.runtime import session; session.open_session({str(graph)!r}, 1, session.PROVIDERS)"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", script], env={**environment, "XDG_CACHE_HOME": str(tmp_path)}, check=True)
    assert not list(tmp_path.iterdir())


def test_values_are_fed_again_and_sequences_may_be_empty(step_file):
    graph = OnnxGraph(step_file, STEP)
    value = graph({"new": np.ones((1, 1, 2)), "past": np.zeros((1, 0, 2), np.float32)})["both"]
    for length in (2, 3):
        value = graph({"new": np.full((1, 1, 2), length), "past": value})["both"]
        assert value.numpy().shape == (1, length, 2)
    assert value.numpy()[0, :, 0].tolist() == [1, 2, 3]


def test_objects_of_one_file_share_its_session(step_file, tmp_path):
    first, second = (OnnxGraph(step_file, STEP) for _ in range(2))
    assert first._session is second._session is not OnnxGraph(step_file, STEP, num_threads=2)._session
    mapped = OnnxGraph(step_file, STEP, mapped=True)
    assert mapped._session is not first._session
    feeds = {"new": np.ones((1, 1, 2)), "past": np.zeros((1, 0, 2), np.float32)}
    assert np.array_equal(mapped(feeds)["both"].numpy(), first(feeds)["both"].numpy())
    copy = tmp_path / "step.onnx"
    copy.write_bytes(step_file.read_bytes())
    assert OnnxGraph(copy, STEP)._session is not first._session


def test_arrays_that_are_not_contiguous_are_fed_by_value(step_file):
    new = np.arange(12, dtype=np.float32).reshape(1, 2, 6)[:, :, ::3]
    both = OnnxGraph(step_file, STEP)({"new": new, "past": new[:, :0]})["both"]
    assert np.array_equal(both.numpy(), new)


CPU, GPU = ("CPUExecutionProvider",), ("CUDAExecutionProvider", "CPUExecutionProvider")


@pytest.mark.parametrize(
    ("version", "providers", "expected"),
    [
        ("1.20.1", CPU, ["MatmulTransposeFusion", "SkipLayerNormFusion"]),
        ("1.31.1", GPU, ["MatmulTransposeFusion"]),
        ("1.32.0", CPU, ["SkipLayerNormFusion"]),
        ("2.0.0.dev20270101", GPU, []),
    ],
)
def test_optimizers_that_crash_or_are_slower_are_left_out(version, providers, expected):
    assert session.disabled_optimizers(providers, version) == expected


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"inputs": STEP.inputs[:1]}, "expected inputs new tensor(float), found past tensor(float)"),
        (
            {"inputs": (*STEP.inputs, *(Tensor(f"{n}{'x' * 99}", ("batch",)) for n in range(99)))},
            f"expected inputs 0{'x' * 42} … {'x' * 14} tensor(float), 10xxx",
        ),
        ({"inputs": (*STEP.inputs, Tensor("more", ("batch",)))}, "more tensor(float), found no more tensor(float)"),
        ({"outputs": (Tensor("all", ("batch", "frames", 2)),)}, "expected outputs all tensor(float), found both"),
        ({"inputs": (STEP.inputs[0], Tensor("past", ("batch",), "int64"))}, "past tensor(int64), found"),
        ({"inputs": (STEP.inputs[0], Tensor("past", ("batch", 2)))}, "past: expected shape ['batch', 2], found"),
        ({"inputs": (STEP.inputs[0], Tensor("past", ("batch", "frames", 3)))}, "past: expected shape"),
    ],
)
def test_another_interface(step_file, change, sentence):
    with pytest.raises(BundleError) as error:
        OnnxGraph(step_file, dataclasses.replace(STEP, **change))
    assert sentence in str(error.value) and ", found " in str(error.value)
    assert str(step_file) in str(error.value)


def test_a_file_that_is_no_graph(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(BundleError, match=r"bad\.onnx: expected a graph that onnxruntime can run"):
        OnnxGraph(tmp_path / "bad.onnx", STEP)


def test_a_graph_of_3_gigabytes(tmp_path):
    (tmp_path / "large.onnx").touch()
    os.truncate(tmp_path / "large.onnx", 3 << 30)
    with pytest.raises(
        BundleError, match=r"large\.onnx: expected a graph .*, found more than 2147483647 bytes; set ESPNET"
    ):
        OnnxGraph(tmp_path / "large.onnx", STEP)


def test_every_session_leaves_out_these_optimizers(step_file, monkeypatch):
    monkeypatch.setattr(session, "disabled_optimizers", lambda providers: ["SkipLayerNormFusion", *providers])
    made = []
    monkeypatch.setattr(
        "onnxruntime.InferenceSession", lambda *_, **options: made.append(options["disabled_optimizers"])
    )
    session.new_session(b"", session.session_options(1))
    session.open_session(step_file, 1)
    assert made == [["SkipLayerNormFusion", "CPUExecutionProvider"]] * 2


def test_a_graph_that_fails_is_told_by_the_error_alone(tmp_path, step_file, capfd):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(step_file)
    model.graph.node[0].attribute[0].i = 9  # of three axes
    onnx.save(model, tmp_path / "axis.onnx")
    with pytest.raises(BundleError, match="found: "):
        OnnxGraph(tmp_path / "axis.onnx", STEP)
    assert capfd.readouterr().err == ""


def test_unknown_provider(step_file):
    with pytest.raises(OptionError, match=r"providers: expected some of .*CPUExecutionProvider.*, found 'Abacus'"):
        OnnxGraph(step_file, STEP, providers=["Abacus"])


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("x86_64", "flags : avx2 avx512_vnni", False),
        ("x86_64", "flags : avx2", True),
        ("AMD64", None, True),
        ("aarch64", "Features : asimd", False),
    ],
)
def test_cpus_whose_8_bit_sums_overflow(tmp_path, monkeypatch, machine, flags, expected):
    monkeypatch.setattr("platform.machine", lambda: machine)
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(flags, encoding="utf-8")
    assert may_overflow(tmp_path / "cpuinfo") is expected


def test_the_precise_kernels_are_an_option_of_this_onnxruntime(step_file, monkeypatch):
    monkeypatch.setattr(session, "may_overflow", lambda: True)
    assert OnnxGraph(step_file, STEP)
