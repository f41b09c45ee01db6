"""A bundle small enough to see through: the sample 0.1 · k is the token k, and CTC finds no other."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from espnet2.interface.spec import Component, Length, OutputLength, State, Tensor
from espnet2.runtime.bundle import Bundle, Manifest
from espnet2.runtime.search_model import SearchSection

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


GRAPHS = """
encoder (float[batch, samples] speech, int64[batch] speech_lengths)
    => (float[batch, frames, 6] encoder_out, int64[batch] encoder_out_lens)
    <float ten = {10.0}, int64 depth = {6}, float[2] values = {0.0, 1.0}> {
    scaled = Mul(speech, ten)
    rounded = Round(scaled)
    index = Cast<to = 7>(rounded)
    encoder_out = OneHot(index, depth, values)
    encoder_out_lens = Identity(speech_lengths)
}
encoder_step (float[batch, steps, 3] speech, int64[batch] remaining, int64[batch] step)
    => (float[batch, steps, 6] encoder_out, int64[batch] encoder_out_lens, int64[batch] next_step)
    <float ten = {10.0}, int64 depth = {6}, float[2] values = {0.0, 1.0}, int64 last = {2}, int64 three = {3},
     int64 zero = {0}> {
    sample = Gather<axis = 2>(speech, last)
    scaled = Mul(sample, ten)
    rounded = Round(scaled)
    index = Cast<to = 7>(rounded)
    encoder_out = OneHot(index, depth, values)
    steps = Shape<start = 1, end = 2>(speech)
    left = Div(remaining, three)
    ready = Clip(left, zero)
    encoder_out_lens = Min(ready, steps)
    next_step = Add(step, steps)
}
ctc (float[batch, frames, 6] encoder_out) => (float[batch, frames, 6] ctc_log_probs) <float ten = {10.0}> {
    scaled = Mul(encoder_out, ten)
    ctc_log_probs = LogSoftmax(scaled)
}
"""


@pytest.fixture(scope="session")
def onnx_files(tmp_path_factory) -> Path:
    """`encoder.onnx`, `encoder_step.onnx` and `ctc.onnx`."""
    onnx = pytest.importorskip("onnx")
    directory = tmp_path_factory.mktemp("graphs")
    for text in GRAPHS.strip().split("\n}")[:-1]:
        graph = onnx.parser.parse_graph(text + "\n}")
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
        onnx.save(model, directory / f"{graph.name}.onnx")
    return directory


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(
        task="asr",
        components={c.name: {"file": f"{c.name}.onnx", "interface": c} for c in (ENCODER, CTC)},
        section=SearchSection(RATE, TOKENS, {"blank": 0, "sos": 5, "eos": 5}, {"token_type": "char"}),
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
    section = dataclasses.replace(manifest.section, streaming=STREAMING)
    streams = dataclasses.replace(manifest, components=components, section=section)
    path = tmp_path / "streams"
    Bundle.write(path, streams, {name: onnx_files / name for name in ("encoder_step.onnx", "ctc.onnx")})
    return path
