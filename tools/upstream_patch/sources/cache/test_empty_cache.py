"""An empty cache takes the same path as any other, and means the same as none."""

import pytest
import torch
from espnet2.asr.decoder.transformer_decoder import (
    DynamicConvolutionTransformerDecoder,
    LightweightConvolutionTransformerDecoder,
    TransformerDecoder,
)
from espnet2.legacy.nets.pytorch_backend.transformer.mask import subsequent_mask
from espnet2.lm.seq_rnn_lm import SequentialRNNLM
from espnet2.lm.transformer_lm import TransformerLM

VOCAB, SIZE = 11, 16
CONVOLUTION = {"conv_wshare": 4, "conv_kernel_length": (3, 3)}
DECODERS = [
    (TransformerDecoder, {}),
    (TransformerDecoder, {"normalize_before": False}),
    (TransformerDecoder, {"concat_after": True}),
    (LightweightConvolutionTransformerDecoder, CONVOLUTION),
    (DynamicConvolutionTransformerDecoder, CONVOLUTION),
]


def random(module):
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return module.eval()


@pytest.fixture(params=DECODERS, ids=lambda row: f"{row[0].__name__}{row[1]}")
def decoder(request):
    torch.manual_seed(0)
    kind, options = request.param
    return random(kind(VOCAB, SIZE, linear_units=16, num_blocks=2, **options))


@pytest.mark.parametrize("tokens", [1, 4])
def test_an_empty_cache_is_none(decoder, tokens):
    text = torch.randint(VOCAB, (3, tokens))
    memory, mask = torch.randn(3, 7, SIZE), subsequent_mask(tokens).unsqueeze(0)
    empty = [state.expand(3, 0, SIZE) for state in decoder.zero_state()]
    expected, caches = decoder.forward_one_step(text, mask, memory)
    found, others = decoder.forward_one_step(text, mask, memory, cache=empty)
    assert torch.equal(found, expected)
    assert all(torch.equal(one, other) for one, other in zip(others, caches))


def test_several_tokens_follow_a_cache():
    torch.manual_seed(0)
    decoder = random(TransformerDecoder(VOCAB, SIZE, linear_units=16, num_blocks=2))
    text, memory = torch.randint(VOCAB, (2, 6)), torch.randn(2, 7, SIZE)
    masks = {length: subsequent_mask(length).unsqueeze(0) for length in (2, 6)}
    _, cache = decoder.forward_one_step(text[:, :2], masks[2], memory)
    found, _ = decoder.forward_one_step(text, masks[6], memory, cache=cache)
    expected, _ = decoder.forward_one_step(text, masks[6], memory)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    "make",
    [
        lambda: TransformerDecoder(VOCAB, SIZE, linear_units=16, num_blocks=2),
        lambda: TransformerLM(VOCAB, att_unit=SIZE, unit=16, layer=2, embed_unit=8),
        lambda: SequentialRNNLM(VOCAB, unit=8, nhid=8),
        lambda: SequentialRNNLM(VOCAB, unit=8, nhid=8, rnn_type="gru"),
    ],
)
def test_searches_may_start_with_tensors(make):
    torch.manual_seed(0)
    scorer = random(make())
    xs, states, others = torch.randn(2, 7, SIZE), [None, None], None
    others, ys = [scorer.zero_state(), scorer.zero_state()], torch.full((2, 1), 1)
    for _ in range(4):
        expected, states = scorer.batch_score(ys, states, xs)
        found, others = scorer.batch_score(ys, others, xs)
        assert torch.equal(found, expected)
        ys = torch.cat([ys, found.argmax(-1, keepdim=True)], dim=1)


def test_a_step_exports_once_for_all_steps(tmp_path):
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    decoder = random(TransformerDecoder(VOCAB, SIZE, linear_units=16, num_blocks=1))

    class Step(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.decoder = decoder

        def forward(self, tokens, memory, cache):
            place = torch.arange(tokens.shape[1])
            mask = (place.unsqueeze(0) <= place.unsqueeze(1)).unsqueeze(0)
            scores, (cache,) = decoder.forward_one_step(
                tokens, mask, memory, cache=[cache]
            )
            return scores, cache

    def inputs(past, batch, frames):
        return (
            torch.randint(VOCAB, (batch, past + 1)),
            torch.randn(batch, frames, SIZE),
            torch.randn(batch, past, SIZE),
        )

    batch, past = torch.export.Dim("batch"), torch.export.Dim("past", max=1000)
    shapes = ({0: batch, 1: past + 1}, {0: batch, 1: "frames"}, {0: batch, 1: past})
    path = tmp_path / "step.onnx"
    torch.onnx.export(
        Step(), inputs(5, 3, 7), str(path), dynamo=True, dynamic_shapes=shapes
    )
    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    names = [value.name for value in session.get_inputs()]
    for past, batch, frames in ((0, 1, 1), (1, 4, 12), (9, 2, 5)):
        values = inputs(past, batch, frames)
        with torch.no_grad():
            expected = Step()(*values)
        feeds = {name: value.numpy() for name, value in zip(names, values)}
        for one, other in zip(session.run(None, feeds), expected):
            torch.testing.assert_close(torch.from_numpy(one), other)
