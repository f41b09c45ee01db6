"""Streams equal whole utterances, however they are cut."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet2.export.examples import draw, first_step
from espnet2.export.trace import export_component
from espnet2.export.verify import verify_component
from espnet2.interface.errors import OptionError
from espnet2.runtime.compare import difference
from espnet2.runtime.session import OnnxGraph
from espnet2.tasks.asr import ASRTask

FRONTEND = {"frontend_conf": {"fs": 8000, "n_fft": 128, "hop_length": 64, "n_mels": 20}}
BLOCKS = {"block_size": 10, "hop_size": 4, "look_ahead": 4}
TINY = {"output_size": 16, "attention_heads": 2, "linear_units": 8, "num_blocks": 2, **BLOCKS}
CONFORMER = {"encoder": "contextual_block_conformer", "encoder_conf": {**TINY, "cnn_module_kernel": 5}}
TRANSFORMER = {"encoder": "contextual_block_transformer", "encoder_conf": TINY}
OPTIONS = {"macaron_style": True, "ctx_pos_enc": False, "normalize_before": False, "concat_after": True}


def encoder(base: dict[str, Any], **conf: Any) -> dict[str, Any]:
    return {**FRONTEND, **base, "encoder_conf": {**base["encoder_conf"], **conf}}


def frontend(**conf: Any) -> dict[str, Any]:
    return {**CONFORMER, "frontend_conf": {**FRONTEND["frontend_conf"], **conf}}


MODELS: dict[str, dict[str, Any]] = {
    "conformer": encoder(CONFORMER),
    "transformer": encoder(TRANSFORMER),
    "options": encoder(CONFORMER, **OPTIONS),
    "conv2d6": encoder(CONFORMER, input_layer="conv2d6"),
    "conv2d8": encoder(TRANSFORMER, input_layer="conv2d8"),
    "whole-hops": encoder(CONFORMER, block_size=12, hop_size=4, look_ahead=4),
    "no-look-ahead": encoder(CONFORMER, block_size=8, hop_size=4, look_ahead=0),
    "nothing-skipped": encoder(CONFORMER, block_size=8, hop_size=4, look_ahead=4),
    "one-hop": encoder(TRANSFORMER, block_size=4, hop_size=4, look_ahead=0),
    "not-centred": frontend(center=False),
    "short-window": frontend(win_length=100, window="hamming"),
    "odd-hop": frontend(n_fft=200, win_length=160, hop_length=50),
    "features": {**CONFORMER, "frontend": None, "input_size": 20},
}
GENERATOR = np.random.default_rng(0)


@pytest.fixture(scope="module", params=MODELS)
def model(request) -> torch.nn.Module:
    return build(MODELS[request.param])


def build(keys: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    base = {
        "token_list": ["<blank>", "a", "<sos/eos>"],
        "normalize": None,
        "model_conf": {"ctc_weight": 1.0},
        "decoder": None,
    }
    return ASRTask.build_model({**base, **keys}).eval()


class Stream:
    """A stream that is fed in pieces of whole steps."""

    def __init__(self, model: Any, samples: np.ndarray) -> None:
        self.streaming = model.streaming()
        self.data = np.concatenate([np.zeros((self.streaming["lead"], *samples.shape[1:]), np.float32), samples])
        self.steps = 0

    def calls(self, cuts: Iterator[int]) -> Iterator[tuple[np.ndarray, int]]:
        """Samples (N, S, ...) and how many remain, until the stream has ended."""
        size = self.streaming["samples_per_step"]
        while len(self.data) - self.steps * size >= size:
            count = min(next(cuts), len(self.data) // size - self.steps)
            yield self._take(count, size), 10**9
        for _ in range(max(1, self.streaming["least_steps"] - self.steps)):
            yield self._take(1, size), len(self.data) - (self.steps - 1) * size

    def _take(self, count: int, size: int) -> np.ndarray:
        piece = self.data[self.steps * size : (self.steps + count) * size]
        self.steps += count
        padded = np.zeros((count * size, *piece.shape[1:]), np.float32)
        padded[: len(piece)] = piece
        return padded.reshape(count, size, *piece.shape[1:])


def zeros(component: Any, batch: int) -> dict[str, np.ndarray]:
    return {
        state.input.name: np.zeros(component.initial_shape(state, batch=batch), state.input.dtype)
        for state in component.states
    }


def encode(model: Any, samples: np.ndarray, cuts: Iterator[int]) -> np.ndarray:
    """Concatenate the outputs of the steps."""
    _, component = model.streaming_parts()[0]
    graph, states, found = TorchGraph(model.eval(), component), zeros(component, 1), []
    for speech, remaining in Stream(model, samples).calls(cuts):
        results = graph({**states, "speech": speech[None], "remaining": np.array([remaining])})
        found.append(results["encoder_out"].numpy()[0, : results["encoder_out_lens"].numpy()[0]])
        states = {state.input.name: results[state.output.name] for state in component.states}
    return np.concatenate(found)


def whole(model: Any, samples: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        encoded, lengths = model.encode_speech(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))
    return encoded[0, : lengths[0]].numpy()


def speech(model: Any, length: int) -> np.ndarray:
    frame = () if model.frontend is not None else (20,)
    return 0.1 * GENERATOR.standard_normal((length, *frame)).astype(np.float32)


def lengths_around(model: Any) -> list[int]:
    """Lengths at which something changes: the shortest, a block, a step more, one sample less and more."""
    geometry = model.geometry()
    frames = [1, 2, model.encoder.block_size, model.encoder.block_size + 1, model.encoder.block_size + 9]
    edges = [geometry.whole.shortest(count) for count in frames] + [geometry.first + 2 * geometry.step]
    return sorted({edge + shift for edge in edges for shift in (-1, 0, 1)} - {geometry.whole.shortest() - 1})


def test_steps_give_what_the_whole_gives(model):
    cuts = iter(lambda: int(GENERATOR.integers(1, 4)), 0)
    for length in lengths_around(model):
        samples = speech(model, length)
        assert difference(whole(model, samples), encode(model, samples, cuts)) < 1e-5, length


def test_streams_of_a_batch_do_not_see_each_other(model):
    _, component = model.streaming_parts()[0]
    geometry = model.geometry()
    utterances = [speech(model, geometry.first + extra * geometry.step // 2) for extra in (0, 3, 9)]
    expected = [whole(model, samples) for samples in utterances]
    calls = [list(Stream(model, samples).calls(iter(lambda: 1, 0))) for samples in utterances]
    after = np.zeros_like(calls[0][0][0]), -(10**6)  # what a stream gets that has ended
    graph, states, found = TorchGraph(model.eval(), component), zeros(component, 3), [[], [], []]
    for index in range(max(map(len, calls))):
        steps = [call[index] if index < len(call) else after for call in calls]
        feeds = {"speech": np.stack([samples for samples, _ in steps]), "remaining": np.array([n for _, n in steps])}
        results = graph({**states, **feeds})
        for row, call in enumerate(calls):
            if index < len(call):
                count = results["encoder_out_lens"].numpy()[row]
                found[row].append(results["encoder_out"].numpy()[row, :count])
        states = {state.input.name: results[state.output.name] for state in component.states}
    for row in range(3):
        assert difference(expected[row], np.concatenate(found[row])) < 1e-5, row


def test_features_come_in_pieces_of_any_size():
    encoder = build(MODELS["features"]).encoder
    features = torch.from_numpy(0.1 * GENERATOR.standard_normal((2, 201, 20)).astype(np.float32))
    expected, _, _ = encoder(features, torch.tensor([201, 201]))
    found, states = [], None
    for begin, end in itertools.pairwise([0, 1, 2, 40, 40, 41, 150, 201]):
        piece, sizes = features[:, begin:end], torch.tensor([end - begin] * 2)
        encoded, lengths, states = encoder(piece, sizes, states, is_final=end == 201, infer_mode=True)
        assert lengths.tolist() == [encoded.shape[1]] * 2
        found.append(encoded)
    assert states is None
    assert difference(expected.detach(), torch.cat(found, dim=1).detach()) < 1e-5


@pytest.mark.parametrize("name", ["options", "features"])
def test_one_graph_takes_every_step(name, tmp_path):
    model = build(MODELS[name])
    module, component = model.streaming_parts()[0]
    graph = OnnxGraph(export_component(module, component, tmp_path / "step.onnx"), component)
    checks = verify_component(component, TorchGraph(model.eval(), component), graph)
    assert len(checks) == 6 and all(check.passed for check in checks), checks


def test_states_begin_with_zeros():
    model = build(MODELS["conformer"])
    _, component = model.streaming_parts()[0]
    feeds = first_step(component, {"batch": 2, "steps": 1})
    assert all(not feeds[state.input.name].any() for state in component.states)
    assert set(draw(component, {"batch": 2, "steps": 3})) == {tensor.name for tensor in component.feeds}


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({**FRONTEND, "encoder": "conformer"}, "ConformerEncoder, which needs whole utterances"),
        (encoder(CONFORMER, block_size=0), "ContextualBlockConformerEncoder, .* since block_size is 0"),
        (encoder(CONFORMER, input_layer="linear"), "ContextualBlockConformerEncoder, .* has no convolution"),
        ({**CONFORMER, **FRONTEND, "normalize": "utterance_mvn"}, "UtteranceMVN, which needs whole utterances"),
        (frontend(n_fft=1024), "makes it of 256"),
    ],
)
def test_models_of_whole_utterances_are_refused(keys, found):
    with pytest.raises(OptionError, match=f"streaming: expected .* {found}"):
        build(keys).streaming_parts()
