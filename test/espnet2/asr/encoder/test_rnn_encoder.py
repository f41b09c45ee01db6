"""States of recurrent encoders, which the zoo does not test."""

import pytest
import torch

from espnet2.asr.encoder.rnn_encoder import RNNEncoder

SIZES = {"input_size": 4, "hidden_size": 5, "output_size": 6, "num_layers": 2, "subsample": None}


@pytest.mark.parametrize("rnn_type", ["lstm", "gru"])
@pytest.mark.parametrize("use_projection", [False, True])
def test_an_utterance_in_two_pieces(rnn_type, use_projection):
    encoder = RNNEncoder(**SIZES, rnn_type=rnn_type, use_projection=use_projection, bidirectional=False).eval()
    xs = torch.randn(2, 12, 4)
    whole, _, _ = encoder(xs, torch.tensor([12, 12]))
    first, _, states = encoder(xs[:, :7], torch.tensor([7, 7]))
    second, _, _ = encoder(xs[:, 7:], torch.tensor([5, 5]), states)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)


def test_backward_direction_starts_afresh():
    encoder = RNNEncoder(**SIZES).eval()
    xs, lengths = torch.randn(1, 6, 4), torch.tensor([6])
    _, _, states = encoder(xs, lengths)
    backward = [[tuple(part * torch.tensor([0.0, 1.0])[:, None, None] for part in layer) for layer in states[0]]]
    torch.testing.assert_close(encoder(xs, lengths, backward)[0], encoder(xs, lengths)[0])
