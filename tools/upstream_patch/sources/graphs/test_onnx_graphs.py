"""Graphs of a tiny recogniser, before any export."""

import pytest
import torch

from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.asr.frontend.default import DefaultFrontend
from espnet2.layers.utterance_mvn import UtteranceMVN
from espnet2.main_funcs.onnx_graphs import DecoderStep, length_steps, recogniser_graphs

TOKENS = ["<blank>", "<unk>", "a", "b", "<sos/eos>"]
SMALL = {"attention_heads": 2, "linear_units": 8, "num_blocks": 1}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return ESPnetASRModel(
        vocab_size=len(TOKENS),
        token_list=TOKENS,
        frontend=DefaultFrontend(fs=16000, n_fft=128, hop_length=64, n_mels=20),
        specaug=None,
        normalize=UtteranceMVN(),
        preencoder=None,
        encoder=ConformerEncoder(20, output_size=8, cnn_module_kernel=3, **SMALL),
        postencoder=None,
        decoder=TransformerDecoder(len(TOKENS), 8, **SMALL),
        ctc=CTC(odim=len(TOKENS), encoder_output_size=8),
        joint_network=None,
    ).eval()


def test_a_hybrid_has_three_graphs(model):
    names = [graph.name for graph in recogniser_graphs(model)]
    assert names == ["encoder", "ctc", "decoder_step"]


def test_the_formula_of_lengths_is_that_of_the_encoder(model):
    assert length_steps(model) == [(0, 64, 1), (-3, 2, 1), (-3, 2, 1)]


def test_a_step_reads_what_the_last_one_returned(model):
    step = DecoderStep(model.decoder, 8, len(TOKENS))
    memory = [torch.randn(1, 6, 8)]
    memory += [torch.tensor([6])] * (len(step.inputs) - 3)
    states = [torch.zeros(1, 1, 0).long(), torch.zeros(1, 1, 0, 8)]
    _, *states = step(torch.tensor([[4]]), torch.tensor([[0]]), *memory, *states)
    tokens, parents = torch.tensor([[2, 3]]), torch.tensor([[0, 0]])
    scores, *states = step(tokens, parents, *memory, *states)
    text, mask = torch.tensor([[4, 2], [4, 3]]), torch.ones(1, 2, 2).tril().bool()
    expected, _ = model.decoder.forward_one_step(
        text, mask, memory[0].expand(2, -1, -1)
    )
    torch.testing.assert_close(scores[0], expected)
    assert torch.equal(states[0][0], text)
