"""Decoders with convolutions: single steps, and hypotheses of different lengths in one step."""

import pytest
import torch

from espnet2.asr.decoder import transformer_decoder
from espnet2.asr.decoder.linear_decoder import NEVER, LinearDecoder
from espnet2.asr.decoder.s4_decoder import S4Decoder

VOCABULARY, SIZE = 11, 8
CONVOLUTIONS = ("Lightweight", "Dynamic")
LAYERS = [{"_name_": "s4", "d_state": 4}, {"_name_": "mha", "n_head": 2}]


def convolution(kind: str):
    make = getattr(transformer_decoder, f"{kind}ConvolutionTransformerDecoder")
    sizes = {"attention_heads": 2, "linear_units": 12, "num_blocks": 2, "conv_kernel_length": (7, 3)}
    torch.manual_seed(0)
    return make(VOCABULARY, SIZE, **sizes).eval()


def s4() -> S4Decoder:
    torch.manual_seed(0)
    return S4Decoder(VOCABULARY, SIZE, n_layers=1, layer=LAYERS, residual="R", norm="layer").eval()


def score(module, tokens: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
    """Log-probabilities behind tokens (U,), from the whole forward."""
    lengths = torch.tensor([memory.shape[1]]), torch.tensor([len(tokens)])
    return module(memory, lengths[0], tokens.unsqueeze(0), lengths[1])[0][0, -1].log_softmax(-1)


DECODERS = {**{kind: lambda kind=kind: convolution(kind) for kind in CONVOLUTIONS}, "S4": s4}
decoders = pytest.mark.parametrize("make", DECODERS.values(), ids=DECODERS)


@decoders
@torch.no_grad()
def test_hypotheses_of_different_lengths_share_a_step(make):
    module, memory = make(), torch.randn(1, 9, SIZE)
    start = module.start(memory)
    texts = [torch.randint(1, VOCABULARY, (size,)) for size in (1, 4, 9)]
    _, component = module.components()
    one = torch.zeros(1, 1, dtype=torch.int64)
    before = []
    for text in texts:
        states = [
            torch.zeros(component.initial_shape(state, batch=1), dtype=getattr(torch, state.input.dtype))
            for state in component.states
        ]
        for token in text[:-1]:
            _, *states = module.step(token.view(1, 1), one, *start, torch.tensor([9]), *states)
        before.append(states)
    merged = [torch.cat(kind, dim=2) for kind in zip(*before, strict=True)]
    tokens = torch.stack([text[-1] for text in texts]).unsqueeze(0)
    found, *_ = module.step(tokens, torch.tensor([[0, 1, 2]]), *start, torch.tensor([9]), *merged)
    for log_probs, text in zip(found[0], texts, strict=True):
        torch.testing.assert_close(log_probs, score(module, text, memory), atol=1e-5, rtol=0)


@decoders
@torch.no_grad()
def test_scores_of_growing_hypotheses_equal_forward(make):
    module, memory, text = make(), torch.randn(2, 9, SIZE), torch.randint(1, VOCABULARY, (2, 5))
    states, state = [None, None], None
    for known in range(1, 6):
        found, states = module.batch_score(text[:, :known], states, memory)
        one, state = module.score(text[1, :known], state, memory[1])
        for index in range(2):
            expected = score(module, text[index, :known], memory[index : index + 1])
            torch.testing.assert_close(found[index], expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(one, found[1], atol=1e-5, rtol=0)


@torch.no_grad()
def test_hidden_vectors_of_a_convolution_decoder():
    module, memory, text = convolution("Dynamic"), torch.randn(1, 9, SIZE), torch.randint(1, VOCABULARY, (1, 4))
    (log_probs, hidden), cache = module.forward_one_step(text, text, memory, return_hs=True)
    assert cache is None
    torch.testing.assert_close(module.output_layer(hidden).log_softmax(-1), log_probs)


@torch.no_grad()
def test_classes_have_all_the_probability():
    module = LinearDecoder(VOCABULARY, SIZE).eval()
    x = torch.randn(9, SIZE)
    log_probs, _ = module.score(torch.tensor([10]), None, x)
    torch.testing.assert_close(module.score(None, None, x)[0], log_probs)
    assert log_probs[[0, 1, -1]].tolist() == [NEVER] * 3
    assert log_probs[2:-1].exp().sum().item() == pytest.approx(1.0)
