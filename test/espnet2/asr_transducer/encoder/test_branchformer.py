"""Branchformer and E-Branchformer blocks read streams chunk by chunk as they read whole utterances."""

import pytest
import torch

from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import PositionwiseFeedForward
from espnet2.asr_transducer.encoder.blocks.branchformer import Branchformer
from espnet2.asr_transducer.encoder.blocks.ebranchformer import EBranchformer
from espnet2.asr_transducer.encoder.modules.attention import RelPositionMultiHeadedAttention
from espnet2.asr_transducer.encoder.modules.convolution import (
    ConvolutionalSpatialGatingUnit,
    DepthwiseConvolution,
    FrameConvolution,
)
from espnet2.asr_transducer.encoder.modules.positional_encoding import RelPositionalEncoding

SIZE, LINEAR, BATCH, FRAMES, CHUNK, LEFT, RIGHT = 8, 12, 2, 13, 3, 6, 2


def branchformer(kernel: int) -> Branchformer:
    gate = ConvolutionalSpatialGatingUnit(LINEAR, kernel, causal=True)
    return Branchformer(SIZE, LINEAR, RelPositionMultiHeadedAttention(2, SIZE), gate)


def ebranchformer(kernel: int) -> EBranchformer:
    gate, both = ConvolutionalSpatialGatingUnit(LINEAR, kernel, causal=True), DepthwiseConvolution(SIZE, 5, causal=True)
    feed_forward, macaron = (PositionwiseFeedForward(SIZE, LINEAR, 0.0) for _ in range(2))
    return EBranchformer(SIZE, LINEAR, RelPositionMultiHeadedAttention(2, SIZE), feed_forward, macaron, gate, both)


def in_chunks(block: Branchformer, x: torch.Tensor, right: int) -> torch.Tensor:
    """Encode x (B, T, D) by `CHUNK` frames at a time, with `LEFT` frames of the past and `right` of the future."""
    caches = [torch.zeros(len(x), *sizes) for sizes in block.caches(LEFT)]
    encode, found = RelPositionalEncoding(SIZE), []
    for start in range(0, x.shape[1], CHUNK):
        chunk = x[:, start : start + CHUNK + right]
        ahead = max(chunk.shape[1] - CHUNK, 0)
        seen = torch.arange(start - LEFT, start + chunk.shape[1]) >= 0
        padding = torch.zeros(*chunk.shape[:2], 1, dtype=torch.bool)
        bias = attention_bias(seen.expand(len(x), 1, -1))
        y, *caches = block.step(chunk, encode(chunk, LEFT), bias, padding, ahead, *caches)
        found.append(y[:, :CHUNK])
    return torch.cat(found, dim=1)


def whole(block: Branchformer, x: torch.Tensor, right: int) -> torch.Tensor:
    """Encode x (B, T, D) at once, with each frame seeing what its chunk sees."""
    frame = torch.arange(x.shape[1])
    start = frame.unsqueeze(1) // CHUNK * CHUNK
    mask = (frame >= start - LEFT) & (frame < start + CHUNK + right)
    padding = torch.zeros(*x.shape[:2], 1, dtype=torch.bool)
    return block(x, RelPositionalEncoding(SIZE)(x), attention_bias(mask.expand(len(x), -1, -1)), padding)


@pytest.mark.parametrize("right", [0, RIGHT])
@pytest.mark.parametrize("kernel", [1, 4])
@pytest.mark.parametrize("make", [branchformer, ebranchformer])
@torch.no_grad()
def test_chunks_equal_whole_utterances(make, kernel, right):
    torch.manual_seed(0)
    block, x = make(kernel).eval(), torch.randn(BATCH, FRAMES, SIZE)
    torch.testing.assert_close(in_chunks(block, x, right), whole(block, x, right))


@torch.no_grad()
def test_centred_convolutions_keep_nothing():
    convolution, x = FrameConvolution(SIZE, 3, causal=False), torch.randn(BATCH, FRAMES, SIZE)
    padding = torch.zeros(BATCH, FRAMES, 1, dtype=torch.bool)
    assert convolution.caches() == ()
    (y,) = convolution(x, padding)
    torch.testing.assert_close(y, torch.nn.Conv1d.forward(convolution, torch.nn.functional.pad(x.mT, (1, 1))).mT)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConvolutionalSpatialGatingUnit(13, 3), "linear_size: expected an even number, found 13"),
        (
            lambda: FrameConvolution(SIZE, 4, causal=False),
            "kernel_size: expected an odd number where nothing is causal",
        ),
        (lambda: FrameConvolution(SIZE, 0, causal=True), "kernel_size: expected a positive number, found 0"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
