"""How far samples of vocoders see: windows of frames, beside the whole."""

from pathlib import Path

import pytest
import torch
import zoo
import zoo_calls

from espnet2.gan_tts.hifigan.hifigan import HiFiGANGenerator
from espnet2.gan_tts.melgan.melgan import MelGANGenerator
from espnet2.gan_tts.vocoder import Stage, receptive_field

ROWS = ["hifigan-default", "hifigan-plain", "melgan", "melgan-options", "parallel_wavegan", "parallel_wavegan-options"]
FINITE = [*ROWS, "parallel_wavegan-samples", "bands"]
ENDLESS = ["style_melgan", "style_melgan-options", "parallel_wavegan-network"]


def _vocoder(name):
    if name == "bands":
        torch.manual_seed(0)
        vocoder = MelGANGenerator(8, 4, channels=16, upsample_scales=[3], stacks=2).eval()
        for weight in vocoder.parameters():
            torch.nn.init.normal_(weight, std=0.3)
        vocoder.join_bands(taps=30)
        return vocoder
    return zoo_calls.module_for(zoo.ROWS[name], Path())


@torch.no_grad()
@pytest.mark.parametrize("name", FINITE)
def test_windows_equal_the_whole(name):
    torch.manual_seed(0)
    vocoder = _vocoder(name).double()
    reach, hop = vocoder.receptive_field, vocoder.upsample_factor
    frames, first, last = 2 * reach + 12, reach + 4, reach + 9
    feeds = [torch.randn(1, frames, vocoder.in_channels, dtype=torch.float64)]
    feeds += [torch.randn(1, frames, tensor.axes[2], dtype=torch.float64) for tensor in vocoder.further_inputs()]
    whole = vocoder.generate(*feeds)[:, first * hop : last * hop]
    # The first and last taps of filters of bands are next to nothing.
    for less, equal in ((0, True), (3 if name == "bands" else 1, False)):
        window = vocoder.generate(*(feed[:, first - reach + less : last + reach - less] for feed in feeds))
        found = window[:, (reach - less) * hop : (reach - less + last - first) * hop]
        assert torch.allclose(found, whole, rtol=0, atol=1e-9) == equal


@pytest.mark.parametrize("name", ENDLESS)
def test_vocoders_that_see_everything_say_nothing(name):
    (component,) = _vocoder(name).components()
    assert "receptive_field" not in component.attributes


def test_sizes_of_recipes():
    """HiFi-GAN v1 and multi-band MelGAN v2 at 22 and 24 kHz."""
    scales = {"upsample_scales": [8, 8, 2, 2], "upsample_kernel_sizes": [16, 16, 4, 4], "channels": 16}
    (component,) = HiFiGANGenerator(**scales).components()
    assert component.attributes == {"receptive_field": 13}
    bands = MelGANGenerator(80, 4, channels=8, upsample_scales=[5, 5, 3], stacks=4)
    bands.join_bands()
    assert (bands.upsample_factor, bands.receptive_field) == (300, 15)


def test_stages_follow_one_another():
    assert receptive_field([]) == 0
    assert receptive_field([Stage(3)]) == 3
    assert receptive_field([Stage(0, 4, 8, 2)]) == 1
    assert receptive_field([Stage(1), Stage(9, 4, 4, 0)]) == 4


def test_reflection_of_short_inputs():
    """One frame is enough, which PyTorch's reflection refuses."""
    vocoder = _vocoder("melgan")
    with torch.no_grad():
        assert vocoder.inference(torch.randn(1, 8)).isfinite().all()
