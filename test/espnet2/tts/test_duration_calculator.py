"""Durations from attention, with upstream's numbers."""

import torch
from zoo_data import drawn

from espnet2.tts.utils import DurationCalculator

# Upstream's durations and focus rates of drawn weights.
ONE = ([0, 3, 2, 2], 0.4997471)
HEADS = ([2, 1, 2, 2], 0.5810567)


def test_durations_equal_upstream():
    durations, focus_rate = DurationCalculator()(torch.from_numpy(drawn("one", (7, 4))).softmax(-1).float())
    assert durations.dtype == torch.int64
    assert durations.tolist() == ONE[0]
    assert abs(float(focus_rate) - ONE[1]) < 1e-6
    durations, focus_rate = DurationCalculator()(torch.from_numpy(drawn("heads", (2, 3, 7, 4))).softmax(-1).float())
    assert durations.tolist() == HEADS[0]
    assert abs(float(focus_rate) - HEADS[1]) < 1e-6
