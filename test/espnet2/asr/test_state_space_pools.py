"""Layers that change the number of steps against upstream's results for the numbers 0 to 15 as two channels."""

import pytest
import torch

from espnet2.asr.state_spaces.pool import DownLinearPool, downsample, registry, upsample

X = torch.arange(16.0).view(1, 2, 8)
DOWN = {(2, 1): [[0, 2, 4, 6], [8, 10, 12, 14]], (3, 2): [[0, 3, 6], [0, 3, 6], [8, 11, 14], [8, 11, 14]]}
UP = {(2, 1): [0, 0, 1, 1, 2, 2], (1, 2): [4, 5, 6, 7, 8, 9], (2, 2): [4, 4, 5, 5, 6, 6]}
MEAN = {(2, 1): [[0.5, 2.5, 4.5, 6.5], [8.5, 10.5, 12.5, 14.5]], (3, 1): [[1, 4], [9, 12]]}


@pytest.mark.parametrize("transposed", [True, False])
def test_steps_and_channels(transposed):
    def laid_out(x):
        return x if transposed else x.transpose(1, 2)

    x = laid_out(X)
    for (stride, expand), expected in DOWN.items():
        assert laid_out(downsample(x, stride, expand, transposed))[0].tolist() == expected
        layer = registry["sample"](2, stride, expand, transposed)
        assert laid_out(layer(x))[0].tolist() == expected and layer.d_output == len(expected)
    for (stride, expand), expected in UP.items():
        assert laid_out(upsample(x, stride, expand, transposed))[0, 0, :6].tolist() == expected
    for (stride, expand), expected in MEAN.items():
        assert laid_out(registry["pool"](2, stride, expand, transposed)(x))[0].tolist() == expected


@pytest.mark.parametrize("transposed", [True, False])
def test_linear_layer_reads_all_steps_of_a_channel_before_the_next(transposed):
    layer = DownLinearPool(2, stride=2, transposed=transposed)
    x = X if transposed else X.transpose(1, 2)
    first = torch.nn.functional.linear(torch.tensor([0.0, 1.0, 8.0, 9.0]), layer.linear.weight, layer.linear.bias)
    y = layer(x)
    torch.testing.assert_close(y[0, :, 0] if transposed else y[0, 0], first)
    assert downsample(None, 2) is None and upsample(None) is None
