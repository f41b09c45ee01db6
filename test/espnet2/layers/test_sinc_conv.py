"""Band pass filters before training, as upstream spaces them (parts of the sampling rate, from its 202511)."""

import pytest
import torch

from espnet2.layers.sinc_conv import SCALES, SincConv

FIRST_AND_LAST = {
    ("mel", 16000): ((0.0018750012, 0.0353830084), (0.2697550356, 0.5000000596)),
    ("mel", 8000): ((0.0037500025, 0.0505259298), (0.3009007573, 0.4999999702)),
    ("bark", 16000): ((0.0012389617, 0.0075111259), (0.4037242234, 0.4962757826)),
    ("bark", 8000): ((0.0024779234, 0.0150222518), (0.4125002921, 0.4874996245)),
}


@pytest.mark.parametrize(("scale", "fs"), FIRST_AND_LAST)
def test_bands_are_spaced_as_upstream_does(scale, fs):
    edges = SincConv(1, 8, 101, scale_type=scale, fs=fs).f.detach()
    torch.testing.assert_close(edges[[0, -1]], torch.tensor(FIRST_AND_LAST[scale, fs]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", SCALES)
def test_scale_inverts(name):
    hz = torch.tensor([100.0, 1000.0, 4000.0])
    torch.testing.assert_close(SCALES[name].invert(SCALES[name].convert(hz)), hz, atol=0.01, rtol=0)


def test_a_band_passes_what_lies_in_it():
    conv = SincConv(1, 1, 101)
    conv.f.data = torch.tensor([[0.1, 0.2]])
    loudness = [conv(torch.sin(2 * torch.pi * f * torch.arange(600.0))[None, None]).abs().max() for f in (0.15, 0.3)]
    assert loudness[0] > 0.9
    assert loudness[1] < 0.02


@pytest.mark.parametrize("options", [{}, {"stride": 3, "padding": 5, "dilation": 2}])
def test_length_of_output(options):
    conv = SincConv(1, 2, 11, **options)
    assert conv(torch.zeros(1, 1, 60)).shape[-1] == conv.get_odim(60)


def test_functions_of_samples_equal_upstream():
    x = torch.arange(1.0, 9.0)
    hamming = torch.tensor([0.9922, 0.9311, 0.8172, 0.6659, 0.4976, 0.3350, 0.2001, 0.1111])
    torch.testing.assert_close(SincConv.hamming_window(x), hamming, atol=1e-4, rtol=0)
    assert SincConv.none_window(x).tolist() == [1.0] * 8
    torch.testing.assert_close(SincConv.sinc(x[:3]), torch.tensor([0.8415, 0.4546, 0.0470]), atol=1e-4, rtol=0)
    assert SincConv.sinc(torch.tensor(0.0)) == 1.0
    assert abs(SCALES["mel"].convert(16000.0) - 3568.594) < 1e-3
    assert abs(SCALES["bark"].convert(16000.0) - 4374.2075) < 1e-3
