"""Input layers: lengths, padding, errors."""

import pytest
import torch

from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding
from espnet.nets.pytorch_backend.transformer.subsampling import INPUT_LAYERS, bare_input, check_short_utt, linear_input

FEATURES, SIZE = 40, 6
# Frames that one frame of output needs, and the frames between two of them.
CONVOLUTIONS = {
    "conv2d": (7, 4),
    "conv2d1": (5, 1),
    "conv2d2": (7, 2),
    "conv2d6": (11, 6),
    "conv2d8": (15, 8),
    "conv1d1": (5, 1),
    "conv1d2": (5, 2),
    "conv1d3": (7, 3),
}


def _layer(name):
    torch.manual_seed(0)
    features = SIZE if name is None else FEATURES
    return INPUT_LAYERS[name](features, SIZE, 0.0, PositionalEncoding(SIZE, 0.0)).eval(), features


def _features(name, batch, frames, features):
    return torch.randint(features, (batch, frames)) if name == "embed" else torch.randn(batch, frames, features)


@pytest.mark.parametrize(("name", "needs", "stride"), [(name, *numbers) for name, numbers in CONVOLUTIONS.items()])
def test_lengths_follow_the_formula(name, needs, stride):
    layer, features = _layer(name)
    assert (layer.length.shortest(), layer.length.stride) == (needs, stride)
    for frames in range(needs, needs + 2 * stride + 2):
        x, pos_emb, lengths = layer(torch.randn(1, frames, features), torch.tensor([frames]))
        assert x.shape == (1, (frames - needs) // stride + 1, SIZE)
        assert lengths.tolist() == [x.shape[1]]
        assert pos_emb is None


@pytest.mark.parametrize("name", INPUT_LAYERS)
def test_padded_utterances_get_what_they_get_alone(name):
    layer, features = _layer(name)
    lengths = torch.tensor([31, 17, 24])
    batch = _features(name, 3, 31, features)
    together, _, found = layer(batch, lengths)
    for row, out, length, valid in zip(batch, together, lengths, found, strict=True):
        alone, _, _ = layer(row[None, :length], length[None])
        assert alone.shape[1] == valid
        torch.testing.assert_close(out[:valid], alone[0])


def test_an_utterance_that_is_too_short_has_length_zero_in_a_batch():
    layer, features = _layer("conv2d8")
    assert layer(torch.randn(3, 40, features), torch.tensor([40, 14, 0]))[2].tolist() == [4, 0, 0]


@pytest.mark.parametrize(("frames", "expected"), [(6, (True, 7)), (7, (False, -1))])
def test_short_utterances_are_found(frames, expected):
    assert check_short_utt(_layer("conv2d")[0], frames) == expected


@pytest.mark.parametrize("name", ["linear", "embed", None])
def test_frames_can_be_embedded_one_by_one(name):
    layer, features = _layer(name)
    x = _features(name, 2, 5, features)
    steps = [layer.at(x[:, i : i + 1], i) for i in range(5)]
    torch.testing.assert_close(torch.cat(steps, dim=1), layer(x, torch.tensor([5, 5]))[0])


def test_linear_input_with_relu_differs():
    positions = PositionalEncoding(SIZE, 0.0)
    assert [type(layer).__name__ for layer in linear_input(3, SIZE, 0.1, positions, relu=True)] == [
        "Linear", "LayerNorm", "Dropout", "ReLU", "PositionalEncoding",
    ]  # fmt: skip


def test_bare_input_adds_no_positions():
    x, lengths = torch.randn(1, 4, SIZE), torch.tensor([4])
    assert bare_input(SIZE, SIZE, 0.0, PositionalEncoding(SIZE, 0.0))(x, lengths)[0] is x
    layer = bare_input(SIZE, 4, 0.0, PositionalEncoding(4, 0.0))
    assert set(layer.state_dict()) == {"weight", "bias"}
    torch.testing.assert_close(layer(x, lengths)[0], x @ layer.weight.T + layer.bias)


def test_too_few_features_are_refused():
    with pytest.raises(ValueError, match="Conv2dSubsampling6 needs at least 11 features, not 10"):
        INPUT_LAYERS["conv2d6"](10, SIZE, 0.0, PositionalEncoding(SIZE, 0.0))


def test_no_input_layer_needs_features_of_the_stack_size():
    with pytest.raises(ValueError, match="size 5 has to be the stack's size 6"):
        INPUT_LAYERS[None](5, SIZE, 0.0, PositionalEncoding(SIZE, 0.0))
