"""Longer texts, padding, extreme weights and training, beyond the goldens of `zoo_transducer_decoder`."""

import numpy as np
import pytest
import torch

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet.nets.scorers.step import StepScorer
from espnet.nets.transducer_prefixes import Prefixes
from espnet2.asr_transducer.decoder.abs_decoder import AbsDecoder
from espnet2.asr_transducer.decoder.mega_decoder import MEGADecoder
from espnet2.asr_transducer.decoder.rnn_decoder import RNNDecoder
from espnet2.asr_transducer.decoder.rwkv_decoder import RWKVDecoder
from espnet2.asr_transducer.decoder.stateless_decoder import StatelessDecoder
from espnet2.lm.transformer_lm import TransformerLM

VOCABULARY = 7
MEGA = {"block_size": 6, "linear_size": 8, "qk_size": 4, "v_size": 6, "num_heads": 2, "num_blocks": 2}
DECODERS = {
    "rnn": lambda: RNNDecoder(VOCABULARY, embed_size=5, hidden_size=6, num_layers=2),
    "stateless": lambda: StatelessDecoder(VOCABULARY, embed_size=6),
    "mega": lambda: MEGADecoder(VOCABULARY, max_positions=8, **MEGA),
    "mega-rotary": lambda: MEGADecoder(VOCABULARY, rel_pos_bias_type="rotary", **MEGA),
    "mega-chunks": lambda: MEGADecoder(VOCABULARY, chunk_size=7, truncation_length=3, **MEGA),
    "rwkv": lambda: RWKVDecoder(VOCABULARY, block_size=6, context_size=8, num_blocks=2),
}


@pytest.fixture(params=DECODERS.values(), ids=DECODERS)
def decoder(request) -> AbsDecoder:
    torch.manual_seed(0)
    return request.param().eval()


def _text(batch: int, length: int) -> torch.Tensor:
    labels = torch.from_numpy(np.random.default_rng(0).integers(1, VOCABULARY, (batch, length)))
    labels[:, 0] = 0
    return labels


@torch.no_grad()
def _stepwise(decoder: AbsDecoder, labels: torch.Tensor) -> torch.Tensor:
    """labels (B, U) → (B, U, D), read one by one."""
    (component,) = decoder.components()
    graph, feeds, read = TorchGraph(decoder.eval(), component), {}, []
    for state in component.states:
        shape = component.initial_shape(state, batch=len(labels))
        feeds[state.input.name] = torch.zeros(shape, dtype=getattr(torch, state.input.dtype))
    for tokens in labels.unbind(1):
        results = graph({**feeds, "tokens": tokens[:, None], "parents": torch.zeros(len(labels), 1, dtype=torch.int64)})
        feeds = {state.input.name: results[state.output.name] for state in component.states}
        read.append(results["decoder_out"])
    return torch.cat(read, 1)


@torch.no_grad()
def test_long_text_is_read_step_by_step_as_at_once(decoder):
    """Longer than `max_positions` and `context_size`, and over many chunks."""
    labels = _text(2, 60)
    torch.testing.assert_close(_stepwise(decoder, labels), decoder(labels), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_padding_behind_a_text_changes_nothing(decoder):
    labels = _text(2, 20)
    padded = torch.cat([labels, torch.zeros(2, 9, dtype=torch.int64)], 1)
    torch.testing.assert_close(decoder(padded)[:, :20], decoder(labels), atol=1e-6, rtol=1e-5)
    assert decoder(padded).isfinite().all()


def test_every_parameter_learns(decoder):
    output = decoder.train()(_text(2, 12))
    output.square().sum().backward()
    still = [
        name for name, value in decoder.named_parameters() if value.grad is None or not value.grad.isfinite().all()
    ]
    assert not still


@torch.no_grad()
@pytest.mark.parametrize("with_lm", [False, True])
def test_sequences_of_other_lengths_are_read_together(decoder, with_lm):
    """A search reads what it has not read before, of any length, whether states grow or not."""
    (component,), lm = decoder.components(), None
    if with_lm:
        module = TransformerLM(VOCABULARY, embed_unit=4, att_unit=4, head=1, unit=4, layer=1)
        lm = StepScorer(TorchGraph(module.eval(), module.components()[0]))
    prefixes = Prefixes(TorchGraph(decoder.eval(), component), blank=0, lm=lm, lm_start=0)
    empty = prefixes.start()
    short = prefixes.continued(empty, 3)
    long = prefixes.continued(prefixes.continued(empty, 1), 2)
    prefixes.read([long.before])
    prefixes.read([short, long])
    for labels in (short, long):
        expected = decoder(torch.tensor([[0, *labels.tolist()]]))[0, -1].numpy()
        np.testing.assert_allclose(prefixes[labels].decoder_out, expected, atol=1e-5)


@pytest.mark.parametrize("size", [-300.0, 300.0])
@torch.no_grad()
def test_rwkv_weighs_values_of_any_size(size):
    """Exponents far beyond what float32 holds, from the first label on."""
    torch.manual_seed(0)
    decoder = DECODERS["rwkv"]().eval()
    for block in decoder.rwkv_blocks:
        block.att.proj_key.bias += size
    labels = _text(2, 15)
    assert decoder(labels).isfinite().all()
    torch.testing.assert_close(_stepwise(decoder, labels), decoder(labels), atol=1e-5, rtol=1e-5)
