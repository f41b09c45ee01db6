"""Noise to verify models on."""

import pytest

from espnet2.interface.spec import Component, Length, OutputLength, Tensor
from espnet2.runtime.signals import OUTPUT_LENGTH, speech_signals

FRAMES, WAV = OutputLength("frames", "samples", Length.conv(512, 160)), OutputLength("wav", "samples")


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ((), OUTPUT_LENGTH),
        ((FRAMES,), 512 + 160 * (OUTPUT_LENGTH - 1)),
        ((FRAMES, WAV), 512 + 160 * (OUTPUT_LENGTH - 1)),
        ((WAV, FRAMES), 512 + 160 * (OUTPUT_LENGTH - 1)),
    ],
)
def test_noise_is_long_enough_for_every_output(lengths, expected):
    component = Component("a", "forward", (Tensor("speech", ("batch", "samples")),), (), lengths=lengths)
    (noise,) = speech_signals(component, 16000, []).values()
    assert noise.shape == (expected,)
