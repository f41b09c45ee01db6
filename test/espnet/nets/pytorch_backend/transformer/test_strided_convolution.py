"""Strided convolutions as products equal PyTorch's convolutions, at every length."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from espnet.nets.pytorch_backend.transformer.strided_convolution import convolve

# Kernels and strides of the stack.
STACKS = [((3, 3), (2, 2)), ((3, 5), (2, 3)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 4), (3, 5, 2)), ((3, 2), (1, 3))]


@pytest.mark.parametrize(("kernels", "strides"), STACKS)
def test_products_equal_convolutions(kernels, strides):
    torch.manual_seed(0)
    sizes = zip([1, 4, 4], [4, 4, 6], kernels, strides, strict=False)
    convs = [nn.Conv2d(channels, out, kernel, stride) for channels, out, kernel, stride in sizes]
    stack = nn.Sequential(*(layer for conv in convs for layer in (conv, nn.ReLU())))
    for frames in range(50, 70):
        x = torch.randn(2, 1, frames, 67)
        assert_close(convolve(x, convs).permute(0, 3, 1, 2), stack(x))
