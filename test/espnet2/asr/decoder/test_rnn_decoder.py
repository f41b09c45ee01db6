"""The recurrent decoder's calls that the zoo does not make."""

import pytest
import torch

from espnet2.asr.decoder.rnn_decoder import RNNDecoder

VOCABULARY, SIZE = 11, 6


def _decoder(atype: str = "location", **options) -> RNNDecoder:
    torch.manual_seed(0)
    att_conf = {"atype": atype, "aheads": 2, "adim": 4, "awin": 2, "aconv_chans": 3, "aconv_filts": 2, "num_att": 2}
    return RNNDecoder(VOCABULARY, SIZE, hidden_size=5, att_conf=att_conf, **options).eval()


def _utterance() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(1, 8, SIZE, generator=generator), torch.randint(VOCABULARY, (1, 5), generator=generator)


def _forward(decoder: RNNDecoder, **options) -> torch.Tensor:
    memory, tokens = _utterance()
    return decoder(memory, torch.tensor([8]), tokens, torch.tensor([5]), **options)[0]


@pytest.mark.parametrize(
    ("atype", "options"),
    [
        ("noatt", {}),
        ("location", {"num_layers": 2}),
        ("coverage", {"rnn_type": "gru"}),
        ("location_recurrent", {"context_residual": True}),
        ("multi_head_loc", {}),
    ],
)
@torch.no_grad()
def test_score_equals_forward(atype, options):
    decoder, (memory, tokens) = _decoder(atype, **options), _utterance()
    expected = _forward(decoder)[0].log_softmax(-1)
    state = decoder.init_state(memory[0])
    for index in range(tokens.shape[1]):
        log_probs, after = decoder.score(tokens[0, : index + 1], state, memory[0])
        again, _ = decoder.score(tokens[0, : index + 1], state, memory[0])  # a state can be continued more than once
        torch.testing.assert_close(log_probs, expected[index])
        assert torch.equal(log_probs, again)
        state = after


@torch.no_grad()
def test_each_speaker_has_an_attention():
    decoder = _decoder()
    first, second, beyond = (_forward(decoder, strm_idx=index) for index in (0, 1, 5))
    assert not torch.allclose(first, second)
    assert torch.equal(second, beyond)


@torch.no_grad()
def test_training_options_do_nothing():
    expected = _forward(_decoder())
    for options in ({"sampling_probability": 0.5}, {"dropout": 0.5}, {"replace_sos": True}):
        assert torch.equal(_forward(_decoder(**options)), expected), options
