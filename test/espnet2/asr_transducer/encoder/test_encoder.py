"""Streams through the stand-alone transducer's encoder, and what only training does."""

from typing import Any

import numpy as np
import pytest
import torch

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet2.asr_transducer.encoder.encoder import Encoder, chunk_mask
from espnet2.export.trace import export_component
from espnet2.export.verify import verify_component
from espnet2.runtime.session import OnnxGraph
from espnet2.tasks.asr_transducer import ASRTransducerTask

FEATURES, CHUNK, ENDLESS = 20, 4, 10**9
ATTENTION = {"hidden_size": 16, "linear_size": 24, "heads": 2, "conv_mod_kernel_size": 5}
CONFORMER = {"block_type": "conformer", **ATTENTION}
BRANCHFORMER = {"block_type": "branchformer", **ATTENTION, "conv_mod_kernel_size": 3}
E_BRANCHFORMER = {"block_type": "ebranchformer", **ATTENTION}
CONV1D = {"block_type": "conv1d", "output_size": 16, "kernel_size": 3}
CAUSAL = {"dynamic_chunk_training": True}
BODIES: dict[str, list[dict[str, Any]]] = {
    "conformer": [{**CONFORMER, "num_blocks": 2}],
    "all-blocks": [CONV1D, CONFORMER, BRANCHFORMER, E_BRANCHFORMER],
    "kernel-of-1": [{**CONFORMER, "conv_mod_kernel_size": 1}, {**CONV1D, "kernel_size": 1}],
}


def build(body: list[dict[str, Any]], input_conf: dict[str, Any] | None = None, **main: Any) -> Encoder:
    torch.manual_seed(0)
    return Encoder(FEATURES, body, input_conf or {"conv_size": 6}, {**CAUSAL, **main}).eval()


def windows(frames: torch.Tensor, encoder: Encoder, block: int) -> torch.Tensor:
    """The frames (B, size, D) of a block, zeros behind the end."""
    assert encoder.blocks is not None
    begin = block * encoder.blocks.hop
    window = frames.new_zeros(len(frames), encoder.blocks.size, frames.shape[2])
    given = frames[:, max(begin, 0) : begin + encoder.blocks.size]
    window[:, max(-begin, 0) :][:, : given.shape[1]] = given
    return window


def in_steps(encoder: Encoder, frames: torch.Tensor, lengths: list[int]) -> list[torch.Tensor]:
    """Outputs of the steps for each stream, without the first two blocks, which are undefined."""
    assert encoder.blocks is not None
    size, hop, _ = encoder.blocks
    last = [max(0, -(-(length - size) // hop)) for length in lengths]
    states = [torch.zeros(len(frames), *state.input.axes[1:]) for state in encoder.states()]  # type: ignore[arg-type]
    found: list[list[torch.Tensor]] = [[] for _ in lengths]
    for block in range(-2, max(last) + 1):
        window = (
            windows(frames, encoder, block) if block >= 0 else torch.full((len(frames), size, frames.shape[2]), 3.0)
        )
        ends = torch.tensor([n if block >= end else ENDLESS for n, end in zip(lengths, last, strict=True)])
        encoded, lens, *states = encoder.encode_step(window, torch.full((len(frames),), block), ends, *states)
        for row, end in enumerate(last):
            if block <= end:
                found[row].append(encoded[row, : lens[row]])
    return [torch.cat(pieces) for pieces in found]


def at_once(encoder: Encoder, frames: torch.Tensor) -> torch.Tensor:
    """All frames (1, T, D), each of which sees what its block sees."""
    assert encoder.blocks is not None
    size, hop, _ = encoder.blocks
    frame = torch.arange(frames.shape[1])
    start = (frame // hop).clamp(max=max(0, -(-(len(frame) - size) // hop))).unsqueeze(1) * hop
    visible = (frame >= start - encoder.left_context) & (frame < start + size)
    return encoder.encoders(frames, encoder.pos_enc(frames), torch.tensor([len(frame)]), visible)[0][0]


@pytest.mark.parametrize("left", [8, 0])
@pytest.mark.parametrize("name", BODIES)
@torch.no_grad()
def test_steps_give_what_a_mask_gives(name, left):
    encoder = build(BODIES[name])
    encoder.set_streaming(CHUNK, left)
    _check(encoder)


@torch.no_grad()
def test_a_step_looks_ahead():
    encoder = build([CONFORMER])
    encoder.set_streaming(CHUNK, 8, right_context=3)
    _check(encoder)


def _check(encoder: Encoder) -> None:
    lengths = [1, CHUNK, CHUNK + 1, 2 * CHUNK + 3, 5 * CHUNK - 1]
    frames = torch.randn(len(lengths), max(lengths), encoder.embedding_size())
    found = in_steps(encoder, frames, lengths)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(found[row], at_once(encoder, frames[row : row + 1, :length]), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_chunk_of_features_is_a_step():
    encoder = build(BODIES["all-blocks"])
    encoder.set_streaming(CHUNK, 6)
    features = torch.randn(1, 91, FEATURES)
    frames = encoder.embed_frames(features)[:, 1:-1]
    encoder.reset_cache(6)
    states = [torch.zeros(1, *state.input.axes[1:]) for state in encoder.states()]  # type: ignore[arg-type]
    for block in range(5):
        chunk = features[:, block * 16 : block * 16 + 27]
        expected = encoder.chunk_forward(chunk, torch.tensor([27]), torch.tensor([block * CHUNK]), 6)
        window = frames[:, block * CHUNK : (block + 1) * CHUNK]
        found, _, *states = encoder.encode_step(window, torch.tensor([block]), torch.tensor([ENDLESS]), *states)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("factor", [4, 6])
@torch.no_grad()
def test_frames_of_poolings_do_not_depend_on_where_a_stream_is_cut(factor):
    encoder = build([CONFORMER], {"vgg_like": True, "conv_size": [4, 6], "subsampling_factor": factor})
    encoder.set_streaming(CHUNK, 8)
    features = torch.randn(1, 100, FEATURES)
    whole = encoder.embed(features, torch.tensor([100]))[0]
    streamed = encoder.embed_frames(features)
    assert streamed.shape[1] == encoder.input_length(100) == whole.shape[1] - 3
    torch.testing.assert_close(streamed, whole[:, 1 : 1 + streamed.shape[1]])
    torch.testing.assert_close(encoder.embed_frames(features[:, 8:51]), streamed[:, 2 : 2 + encoder.input_length(43)])


@pytest.mark.parametrize("right", [0, 2])
def test_one_graph_takes_every_step(right, tmp_path):
    torch.manual_seed(0)
    body = {"body_conf": [{**CONFORMER, "num_blocks": 2}], "input_conf": {"conv_size": 6}, "main_conf": CAUSAL}
    model: Any = ASRTransducerTask.build_model(
        {
            "token_list": ["<blank>", "a", "<sos/eos>"],
            "frontend_conf": {"fs": 8000, "n_fft": 128, "hop_length": 64, "n_mels": FEATURES},
            "normalize": None,
            "encoder_conf": body,
            "decoder": "stateless",
            "decoder_conf": {"embed_size": 8},
        }
    ).eval()
    model.encoder.set_streaming(CHUNK, 8, right)
    assert model.streaming()["samples_per_step"] == CHUNK * 4 * 64
    module, component = model.streaming_parts()[0]
    graph = OnnxGraph(export_component(module, component, tmp_path / "step.onnx"), component)
    checks = verify_component(component, TorchGraph(model.eval(), component), graph)
    assert checks and all(check.passed for check in checks), checks


@pytest.mark.parametrize(
    ("main", "options", "sentence"),
    [
        ({}, {"chunk_size": 0, "left_context": 1}, "chunk_size: expected a positive number, found 0"),
        ({}, {"chunk_size": 4, "left_context": -1}, "left_context: expected frames, 0 or more, found -1"),
        (
            {"dynamic_chunk_training": False},
            {"chunk_size": 4, "left_context": 1},
            "body_conf: expected no conv1d block in streams",
        ),
    ],
)
def test_streams_that_cannot_be_are_refused(main, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        build([CONV1D, CONFORMER], **main).set_streaming(**options)


def test_chunk_mask():
    assert chunk_mask(5, 2).int().tolist() == [[1, 1, 0, 0, 0]] * 2 + [[1, 1, 1, 1, 0]] * 2 + [[1] * 5]
    assert chunk_mask(5, 2, num_left_chunks=1)[4].int().tolist() == [0, 0, 1, 1, 1]


def test_keys_of_earlier_releases_are_known():
    assert build([CONFORMER], left_chunk_size=2).num_left_chunks == 2


def test_training_cuts_attention_into_chunks_of_random_size():
    encoder = build(BODIES["conformer"], short_chunk_size=3)
    features, lengths = torch.randn(2, 90, FEATURES), torch.tensor([90, 71])
    whole = encoder(features, lengths)[0]
    assert torch.equal(whole, encoder(features, lengths)[0])
    for part in encoder.modules():
        if not isinstance(part, torch.nn.BatchNorm1d):
            part.training = True
    drawn = {np.round(float(encoder(features, lengths)[0].abs().sum().detach()), 3) for _ in range(12)}
    assert len(drawn) > 2


def test_training_drops_blocks_between_the_first_and_the_last():
    encoder = build([CONV1D, {**CONFORMER, "num_blocks": 3}], blockdrop_rate=1.0, dynamic_chunk_training=False).train()
    assert encoder.encoders.drop_rates == [0.0, 0.25, 0.5, 0.0]
    features, lengths, counts = torch.randn(1, 60, FEATURES), torch.tensor([60]), [0] * 4
    for index, block in enumerate(encoder.encoders.blocks):
        block.register_forward_hook(lambda *_, index=index: counts.__setitem__(index, counts[index] + 1))
    for _ in range(40):
        encoder(features, lengths)
    assert counts[0] == counts[3] == 40
    assert counts[2] < counts[1] < 40
