"""The decoder layer: one token at a time, and hypotheses that share an utterance, give what all at once gives."""

import itertools

import pytest
import torch

from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.decoder_layer import DecoderLayer
from espnet.nets.pytorch_backend.transformer.mask import attention_bias, subsequent_mask
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import PositionwiseFeedForward

BATCH, BEAM, TOKENS, FRAMES, SIZE, HEADS = 2, 3, 5, 7, 8, 2
OPTIONS = list(itertools.product((True, False), repeat=2))


@pytest.fixture
def inputs():
    torch.manual_seed(0)
    return torch.randn(BATCH * BEAM, TOKENS, SIZE), torch.randn(BATCH, FRAMES, SIZE)


def layer(normalize_before: bool, concat_after: bool, dropout_rate: float = 0.1) -> DecoderLayer:
    torch.manual_seed(1)
    attentions = [MultiHeadedAttention(HEADS, SIZE, 0.0) for _ in range(2)]
    feed_forward = PositionwiseFeedForward(SIZE, 12, 0.0)
    return DecoderLayer(SIZE, *attentions, feed_forward, dropout_rate, normalize_before, concat_after).eval()


@pytest.mark.parametrize("options", OPTIONS)
def test_steps_equal_forward(options, inputs):
    tgt, memory = inputs
    module = layer(*options)
    memory_mask = (torch.arange(FRAMES) < torch.tensor([[FRAMES], [4]])).unsqueeze(1)
    expected = module(
        tgt,
        subsequent_mask(TOKENS).unsqueeze(0),
        memory.repeat_interleave(BEAM, 0),
        memory_mask.repeat_interleave(BEAM, 0),
    )
    projected = module.src_attn.project_memory(memory, memory)
    known = [torch.zeros(0, BATCH * BEAM, HEADS, SIZE // HEADS)] * 2
    for index in range(TOKENS):
        x, new = module.step(tgt[:, index : index + 1], known, None, *projected, attention_bias(memory_mask))
        known = [torch.cat(pair) for pair in zip(known, new, strict=True)]
        torch.testing.assert_close(x[:, 0], expected[:, index], atol=1e-5, rtol=0)
    assert [value.shape for value in known] == 2 * [(TOKENS, BATCH * BEAM, HEADS, SIZE // HEADS)]


@pytest.mark.parametrize("options", OPTIONS)
def test_masks_and_biases_say_the_same(options, inputs):
    tgt, memory = inputs[0][:BATCH], inputs[1]
    module = layer(*options)
    masks = subsequent_mask(TOKENS).unsqueeze(0), torch.ones(BATCH, 1, FRAMES, dtype=torch.bool)
    expected = module(tgt, masks[0], memory, masks[1])
    assert torch.equal(module(tgt, attention_bias(masks[0]), memory, attention_bias(masks[1])), expected)
    torch.testing.assert_close(module(tgt, masks[0], memory, None), expected)


@pytest.mark.parametrize("options", OPTIONS)
def test_keys_are_those_of_checkpoints(options):
    state = layer(*options).state_dict()
    concatenated = {key.split(".")[0] for key in state if "concat" in key}
    assert concatenated == ({"concat_linear1", "concat_linear2"} if options[1] else set())
    assert {"self_attn", "src_attn", "feed_forward", "norm1", "norm2", "norm3"} == {
        key.split(".")[0] for key in state
    } - concatenated


def test_no_dropout_outside_of_training(inputs):
    tgt, memory = inputs[0][:BATCH], inputs[1]
    module = layer(True, False, dropout_rate=0.9)
    mask = subsequent_mask(TOKENS).unsqueeze(0)
    assert torch.equal(module(tgt, mask, memory, None), module(tgt, mask, memory, None))
