"""Depthwise convolutions equal PyTorch's over one axis."""

import pytest
import torch

from espnet.nets.pytorch_backend.conformer.convolution import DepthwiseConv1d


@pytest.mark.parametrize("padding", [None, 0, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_depthwise_convolution_equals_that_over_one_axis(padding, bias):
    module = DepthwiseConv1d(6, 5, padding=padding, bias=bias)
    reference = torch.nn.Conv1d(6, 6, 5, padding=2 if padding is None else padding, groups=6, bias=bias)
    reference.load_state_dict(module.state_dict())
    x = torch.randn(2, 6, 9)
    torch.testing.assert_close(module(x), reference(x), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kernel_size", [0, 4])
def test_only_odd_kernels_keep_the_length(kernel_size):
    with pytest.raises(ValueError, match=f"expected an odd kernel size, found {kernel_size}"):
        DepthwiseConv1d(6, kernel_size)
