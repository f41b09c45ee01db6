"""A bundle small enough to see through: the sample 0.1 · k is the token k, and CTC hears nothing else."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from espnet2.runtime.bundle import Bundle, Manifest
from espnet2.runtime.spec import Component, Length, OutputLength, State, Tensor

TOKENS = ["<blank>", "<unk>", "a", "日", "<space>", "<sos/eos>"]
RATE = 16000
SHORTEST = 3  # samples: declared, so that shorter speech is refused
ENCODER = Component(
    name="encoder",
    method="encode_speech",
    inputs=(Tensor("speech", ("batch", "samples")), Tensor("speech_lengths", ("batch",), "int64", "samples")),
    outputs=(
        Tensor("encoder_out", ("batch", "frames", len(TOKENS))),
        Tensor("encoder_out_lens", ("batch",), "int64", "frames"),
    ),
    lengths=(OutputLength("frames", "samples", Length.conv(SHORTEST, 1)),),
)
CTC = Component(
    name="ctc",
    method="log_softmax",
    inputs=(Tensor("encoder_out", ("batch", "frames", len(TOKENS))),),
    outputs=(Tensor("ctc_log_probs", ("batch", "frames", len(TOKENS))),),
)

# Every step is a frame of three samples.
ENCODER_STEP = Component(
    name="encoder_step",
    method="encode_step",
    inputs=(Tensor("speech", ("batch", "steps", SHORTEST)), Tensor("remaining", ("batch",), "int64", below=100)),
    outputs=(Tensor("encoder_out", ("batch", "steps", len(TOKENS))), Tensor("encoder_out_lens", ("batch",), "int64")),
    states=(State(Tensor("step", ("batch",), "int64"), Tensor("next_step", ("batch",), "int64")),),
)
STREAMING = {
    "samples_per_step": SHORTEST,
    "lead": 0,
    "least_steps": 2,
    "frame_stride": SHORTEST,
    "block_size": 1,
    "hop_size": 1,
    "look_ahead": 0,
}


def spoken(*tokens: int) -> np.ndarray:
    """Samples of a sequence of tokens (0 for the blank), each three samples long."""
    return np.repeat(np.array(tokens, np.float32) / 10, 3)


@pytest.fixture(scope="session")
def say():
    return spoken


@pytest.fixture(scope="session")
def onnx_files(tmp_path_factory) -> Path:
    """`encoder.onnx`, `encoder_step.onnx` and `ctc.onnx`."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto as T
    from onnx import helper as h

    def constant(name, value, kind):
        return h.make_tensor(name, kind, np.shape(value), np.ravel(value))

    def value(name, kind, *shape):
        return h.make_tensor_value_info(name, kind, shape)

    def save(name, nodes, inputs, outputs, constants):
        graph = h.make_graph(nodes, name, inputs, outputs, constants)
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", 20)], ir_version=10)
        onnx.save(model, directory / f"{name}.onnx")

    directory = tmp_path_factory.mktemp("graphs")
    save(
        "encoder",
        [
            h.make_node("Mul", ["speech", "ten"], ["scaled"]),
            h.make_node("Round", ["scaled"], ["rounded"]),
            h.make_node("Cast", ["rounded"], ["index"], to=T.INT64),
            h.make_node("OneHot", ["index", "depth", "values"], ["encoder_out"]),
            h.make_node("Identity", ["speech_lengths"], ["encoder_out_lens"]),
        ],
        [value("speech", T.FLOAT, "batch", "samples"), value("speech_lengths", T.INT64, "batch")],
        [value("encoder_out", T.FLOAT, "batch", "frames", len(TOKENS)), value("encoder_out_lens", T.INT64, "batch")],
        [
            constant("ten", 10.0, T.FLOAT),
            constant("depth", len(TOKENS), T.INT64),
            constant("values", [0.0, 1.0], T.FLOAT),
        ],
    )
    save(
        "encoder_step",
        [
            h.make_node("Gather", ["speech", "last"], ["sample"], axis=2),
            h.make_node("Mul", ["sample", "ten"], ["scaled"]),
            h.make_node("Round", ["scaled"], ["rounded"]),
            h.make_node("Cast", ["rounded"], ["index"], to=T.INT64),
            h.make_node("OneHot", ["index", "depth", "values"], ["encoder_out"]),
            h.make_node("Shape", ["speech"], ["steps"], start=1, end=2),
            h.make_node("Div", ["remaining", "three"], ["left"]),
            h.make_node("Clip", ["left", "zero"], ["ready"]),
            h.make_node("Min", ["ready", "steps"], ["encoder_out_lens"]),
            h.make_node("Add", ["step", "steps"], ["next_step"]),
        ],
        [
            value("speech", T.FLOAT, "batch", "steps", SHORTEST),
            value("remaining", T.INT64, "batch"),
            value("step", T.INT64, "batch"),
        ],
        [
            value("encoder_out", T.FLOAT, "batch", "steps", len(TOKENS)),
            value("encoder_out_lens", T.INT64, "batch"),
            value("next_step", T.INT64, "batch"),
        ],
        [
            constant("last", SHORTEST - 1, T.INT64),
            constant("ten", 10.0, T.FLOAT),
            constant("depth", len(TOKENS), T.INT64),
            constant("values", [0.0, 1.0], T.FLOAT),
            constant("three", SHORTEST, T.INT64),
            constant("zero", 0, T.INT64),
        ],
    )
    save(
        "ctc",
        [
            h.make_node("Mul", ["encoder_out", "ten"], ["scaled"]),
            h.make_node("LogSoftmax", ["scaled"], ["ctc_log_probs"]),
        ],
        [value("encoder_out", T.FLOAT, "batch", "frames", len(TOKENS))],
        [value("ctc_log_probs", T.FLOAT, "batch", "frames", len(TOKENS))],
        [constant("ten", 10.0, T.FLOAT)],
    )
    return directory


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(
        task="asr",
        sample_rate=RATE,
        tokens=TOKENS,
        special={"blank": 0, "sos": 5, "eos": 5},
        components={c.name: {"file": f"{c.name}.onnx", "interface": c} for c in (ENCODER, CTC)},
        tokenizer={"token_type": "char"},
    )


@pytest.fixture
def tiny_bundle(tmp_path, manifest, onnx_files) -> Path:
    """The bundle's directory."""
    path = tmp_path / "bundle"
    Bundle.write(path, manifest, {name: onnx_files / name for name in ("encoder.onnx", "ctc.onnx")})
    return path


@pytest.fixture
def streaming_bundle(tmp_path, manifest, onnx_files) -> Path:
    """The directory of a bundle of streams."""
    components = {c.name: {"file": f"{c.name}.onnx", "interface": c} for c in (ENCODER_STEP, CTC)}
    streams = dataclasses.replace(manifest, components=components, streaming=STREAMING)
    path = tmp_path / "streams"
    Bundle.write(path, streams, {name: onnx_files / name for name in ("encoder_step.onnx", "ctc.onnx")})
    return path
