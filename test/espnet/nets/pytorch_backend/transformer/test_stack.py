"""Layers and stacks: steps equal the whole, padding stays outside, training options leave evaluation alone."""

import pytest
import torch

from espnet.nets.pytorch_backend.conformer.convolution import ConvolutionModule
from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.encoder import Encoder, feed_forward_maker
from espnet.nets.pytorch_backend.transformer.encoder_layer import EncoderLayer
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.mask import attention_bias, subsequent_mask
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import PositionwiseFeedForward
from espnet.nets.pytorch_backend.transformer.repeat import repeat

SIZE, HEADS = 8, 2
MODULES = {
    "conv1d": lambda: feed_forward_maker("conv1d", SIZE, 12, 3, 0.0)(),
    "conv1d-linear": lambda: feed_forward_maker("conv1d-linear", SIZE, 12, 5, 0.0)(),
    "linear": lambda: feed_forward_maker("linear", SIZE, 12, 1, 0.0)(),
    "convolution module": lambda: ConvolutionModule(SIZE, 7),
}


@pytest.mark.parametrize("name", MODULES)
def test_padding_does_not_leak_through_convolutions(name):
    torch.manual_seed(0)
    module, lengths = MODULES[name]().eval(), torch.tensor([9, 4])
    x = torch.randn(2, 9, SIZE)
    together = module(x, make_pad_mask(lengths).unsqueeze(-1))
    for row, out, length in zip(x, together, lengths, strict=True):
        torch.testing.assert_close(out[:length], module(row[None, :length])[0])


@pytest.mark.parametrize("dim", [-1, 1])
def test_layer_norm_normalises_the_dimension_asked_for(dim):
    x = torch.randn(2, 5, 5)
    found = LayerNorm(5, dim)(x)
    torch.testing.assert_close(found, (x - x.mean(dim, True)) / x.var(dim, correction=0, keepdim=True).sqrt())


def test_even_convolution_kernels_are_refused():
    with pytest.raises(ValueError, match="odd kernel size, found 4"):
        ConvolutionModule(SIZE, 4)


def test_unknown_feed_forward_lists_the_known_ones():
    with pytest.raises(ValueError, match="known ones: linear, conv1d, conv1d-linear"):
        feed_forward_maker("glu", SIZE, 12, 1, 0.0)


def _layer(**options):
    torch.manual_seed(0)
    attention, feed_forward = MultiHeadedAttention(HEADS, SIZE, 0.0), PositionwiseFeedForward(SIZE, 12, 0.0)
    return EncoderLayer(SIZE, attention, feed_forward, 0.0, **options)


@pytest.mark.parametrize("options", [{}, {"normalize_before": False}, {"concat_after": True}])
def test_steps_of_a_layer_equal_the_whole(options):
    layer, x = _layer(**options).eval(), torch.randn(2, 6, SIZE)
    expected = layer(x, subsequent_mask(6).unsqueeze(0))
    k = v = torch.zeros(0, 2, HEADS, SIZE // HEADS)
    outs = []
    for position in range(6):
        out, *new = layer.step(x[:, position : position + 1], k, v)
        k, v = (torch.cat(pair) for pair in zip((k, v), new, strict=True))
        outs.append(out)
    torch.testing.assert_close(torch.cat(outs, dim=1), expected)
    assert k.shape == v.shape == (6, 2, HEADS, SIZE // HEADS)


@pytest.mark.parametrize("input_layer", ["linear", "embed", None])
@pytest.mark.parametrize("normalize_before", [True, False])
def test_steps_of_a_stack_equal_the_whole(input_layer, normalize_before):
    torch.manual_seed(0)
    encoder = Encoder(
        SIZE,
        attention_dim=SIZE,
        attention_heads=HEADS,
        linear_units=12,
        num_blocks=2,
        input_layer=input_layer,
        normalize_before=normalize_before,
    ).eval()
    x = torch.randint(SIZE, (2, 5)) if input_layer == "embed" else torch.randn(2, 5, SIZE)
    mask = subsequent_mask(5).unsqueeze(0)
    expected, same_mask = encoder(x, mask)
    assert same_mask is mask
    keys = values = [torch.zeros(0, 2, HEADS, SIZE // HEADS)] * 2
    for index in range(5):
        now = slice(index, index + 1)
        bias = attention_bias(mask[:, now, : index + 1])
        out, *new = encoder.step(encoder.embed.at(x[:, now], index), keys, values, bias)
        keys, values = ([*map(torch.cat, zip(*pair, strict=True))] for pair in zip((keys, values), new, strict=True))
        torch.testing.assert_close(out, expected[:, now])


def test_unknown_input_layer_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown input_layer 'conv3d'; known ones: linear, embed, None"):
        Encoder(SIZE, input_layer="conv3d")


def test_stochastic_depth_skips_in_training_only():
    layer, x = _layer(stochastic_depth_rate=1.0), torch.randn(1, 3, SIZE)
    assert layer.train()(x, None) is x
    assert not torch.equal(layer.eval()(x, None), x)


def test_stochastic_depth_keeps_the_expected_sum():
    torch.manual_seed(0)
    layer, x = _layer(stochastic_depth_rate=0.5), torch.randn(1, 3, SIZE)
    whole = layer.residual(x, layer.norm2, layer.feed_forward)
    layer.eval()
    torch.testing.assert_close(whole - x, 2 * (layer.residual(x, layer.norm2, layer.feed_forward) - x))


def test_layer_drop_skips_in_training_only():
    layers = repeat(3, lambda index: torch.nn.Linear(1, 1), layer_drop_rate=1.0)
    x = torch.randn(4, 1)
    assert layers.train()(x) is x
    assert [index for index, _ in layers.eval().active()] == [0, 1, 2]
    torch.testing.assert_close(layers(x), layers[2](layers[1](layers[0](x))))
