"""The filter bank's scale and area, and the treatment of silence and padding."""

import numpy as np
import pytest
import torch

from espnet2.layers.log_mel import LogMel
from espnet2.utils.mel_scale import hz_to_mel, mel_filters, mel_to_hz


@pytest.mark.parametrize(
    ("hz", "htk", "mel"), [(440.0, False, 6.6), (1000.0, False, 15.0), (6400.0, False, 42.0), (1000.0, True, 999.9855)]
)
def test_scale(hz, htk, mel):
    assert hz_to_mel(hz, htk) == pytest.approx(mel, abs=1e-3)
    assert mel_to_hz(np.array(mel), htk) == pytest.approx(hz, rel=1e-5)


@pytest.mark.parametrize("n_fft", [512, 511])
def test_filters_have_unit_area(n_fft):
    filters = mel_filters(16000, n_fft, 20, 0.0, 8000.0)
    assert filters.shape == (20, n_fft // 2 + 1)
    np.testing.assert_allclose(filters.sum(axis=1) * 16000 / n_fft, 1.0, rtol=0.05)


def test_silence_and_padding():
    layer = LogMel(n_mels=4)
    output, lengths = layer(torch.zeros(2, 3, 257), torch.tensor([3, 1]))
    torch.testing.assert_close(output[0], torch.full((3, 4), 1e-10).log())
    assert not output[1, 1:].any() and lengths.tolist() == [3, 1]
    assert layer(torch.zeros(2, 3, 257))[1].tolist() == [3, 3]


def test_base_of_the_logarithm():
    power = torch.rand(1, 3, 257)
    torch.testing.assert_close(
        LogMel(log_base=10.0)(power)[0], LogMel()(power)[0] / torch.log(torch.tensor(10.0)), atol=1e-6, rtol=1e-6
    )
