"""Tokens that last."""

import pytest
import torch

from espnet.nets.pytorch_backend.fastspeech.duration_predictor import DurationPredictor
from espnet.nets.pytorch_backend.fastspeech.length_regulator import LengthRegulator, scaled_durations

XS = torch.arange(12.0).view(2, 3, 2)


def test_each_token_is_repeated():
    found = LengthRegulator(pad_value=-1.0)(XS, torch.tensor([[0, 2, 1], [1, 0, 0]]))
    assert found[0].tolist() == XS[0, [1, 1, 2]].tolist()
    assert found[1].tolist() == [XS[1, 0].tolist(), [-1.0, -1.0], [-1.0, -1.0]]


def test_text_without_frames_has_one_for_each_token():
    assert LengthRegulator()(XS[:1], torch.zeros(1, 3, dtype=torch.int64)).tolist() == XS[:1].tolist()


@pytest.mark.parametrize(("alpha", "expected"), [(0.5, [6, 5, 2]), (1.0, [13, 10, 5]), (1.3, [17, 13, 6])])
def test_scaled_durations_round_half_to_even(alpha, expected):
    assert scaled_durations(torch.tensor([[13, 10, 5]]), alpha).tolist() == [expected]


def test_alpha_is_positive():
    with pytest.raises(ValueError, match=r"alpha.*positive.*-1"):
        LengthRegulator()(XS, torch.ones(2, 3, dtype=torch.int64), alpha=-1.0)


def test_padded_tokens_have_no_frames():
    predictor = DurationPredictor(4, 1, 6)
    torch.nn.init.constant_(predictor.linear.bias, 2.0)
    padding = torch.tensor([[False, False, True]])
    frames = predictor.inference(torch.randn(1, 3, 4), padding)
    assert frames.dtype == torch.int64
    assert frames[0, 2] == 0
    assert (frames[0, :2] > 0).all()
