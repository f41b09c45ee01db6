"""Stacks of strided convolutions over time and frequency, computed as matrix products from the second one on.

A product takes as long as onnxruntime's convolution, and becomes four times as fast with weights of 8 bits, which
convolutions do not. Patches are unfolded along frequency only: for one channel that is a wider kernel of the first
convolution. Along time, frames are split by their remainder modulo the stride; the products of a remainder's frames
with the taps that read it are shifted and added, so that no frame is copied for a tap.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear, pad


def convolve(x: Tensor, convs: Sequence[nn.Conv2d]) -> Tensor:
    """Apply square convolutions without padding, each followed by ReLU.

    Args:
        x: (B, 1, T, F).
        convs: two or more; all but the first have a stride above 1.

    Returns:
        (B, T', F', C).
    """
    first, second, *others = convs
    size, stride = second.kernel_size[0], second.stride[0]
    frames = (((x.shape[2] - first.kernel_size[0]) // first.stride[0] + 1) - size) // stride + 1
    y = combine([_widened(x, first, second, rest, frames) for rest in range(min(size, stride))], second, frames)
    for conv in others:
        y = combine(*_unfolded(y, conv))
    return y


def combine(parts: Sequence[Tensor], conv: nn.Conv2d, frames: int) -> Tensor:
    """Convolve and apply ReLU.

    Args:
        parts: for each remainder modulo the stride the frames that have it, unfolded along frequency, in order, as
            many as `frames` outputs read: (B, T', F', K · C).
        conv: K, the stride and the weights.
        frames: T'', number of output frames.

    Returns:
        (B, T'', F', C').
    """
    size, stride = conv.kernel_size[0], conv.stride[0]
    width = size * conv.in_channels
    weights = conv.weight.permute(0, 2, 3, 1).flatten(1)
    terms = []
    for tap in range(size):
        part = parts[tap % stride]
        # The bias comes with the tap that reads all frames of its remainder.
        bias = conv.bias if tap == min(size, stride) - 1 else None
        term = linear(part.flatten(0, 2), weights.narrow(1, tap * width, width), bias)
        terms.append(term.unflatten(0, part.shape[:3]).narrow(1, tap // stride, frames))
    return torch.relu(sum(terms[1:], terms[0]))


def _widened(x: Tensor, first: nn.Conv2d, second: nn.Conv2d, rest: int, frames: int) -> Tensor:
    """Every frame of the first convolution that leaves `rest` modulo the second one's stride, unfolded for it."""
    step, size, stride = first.stride[0], second.kernel_size[0], second.stride[0]
    wide = [pad(first.weight, (step * tap, step * (size - 1 - tap))) for tap in range(size)]
    count = frames + (size - 1 - rest) // stride
    frames_read = x.narrow(2, step * rest, step * stride * (count - 1) + first.kernel_size[0])
    bias = None if first.bias is None else first.bias.repeat(size)
    return torch.relu(conv2d(frames_read, torch.cat(wide), bias, stride=step * stride)).permute(0, 2, 3, 1)


def _unfolded(x: Tensor, conv: nn.Conv2d) -> tuple[list[Tensor], nn.Conv2d, int]:
    """Arguments of `combine` for x (B, T, F, C)."""
    size, stride = conv.kernel_size[0], conv.stride[0]
    frames, columns = ((length - size) // stride + 1 for length in x.shape[1:3])
    taps = [x[:, :, tap : tap + stride * (columns - 1) + 1 : stride] for tap in range(size)]
    wide = torch.cat(taps, dim=-1)
    counts = (frames + (size - 1 - rest) // stride for rest in range(min(size, stride)))
    ends = ((rest, rest + stride * (count - 1) + 1) for rest, count in enumerate(counts))
    return [wide[:, start:end:stride] for start, end in ends], conv, frames
