"""Norms of discriminators: which weights load, and that folding them changes no result."""

import pytest
import torch

from espnet2.gan_tts.hifigan.hifigan import HiFiGANMultiScaleDiscriminator, HiFiGANScaleDiscriminator

SMALL = {"channels": 8, "max_downsample_channels": 16, "downsample_scales": [2, 2], "max_groups": 4}
NORMS = {
    "weight": {},
    "spectral": {"use_weight_norm": False, "use_spectral_norm": True},
    "none": {"use_weight_norm": False},
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("norm", NORMS)
def test_weights_without_norm_remove_it(norm):
    plain = HiFiGANScaleDiscriminator(**SMALL, use_weight_norm=False).eval()
    discriminator = HiFiGANScaleDiscriminator(**SMALL, **NORMS[norm]).eval()
    discriminator.load_state_dict(plain.state_dict())
    x = torch.randn(1, 1, 70)
    assert torch.equal(discriminator(x)[-1], plain(x)[-1])


def test_weights_without_norm_load_into_discriminators_of_several_scales():
    params = {"discriminator_params": {**SMALL, "use_weight_norm": False}}
    state = HiFiGANMultiScaleDiscriminator(**params).state_dict()
    found = HiFiGANMultiScaleDiscriminator(discriminator_params=SMALL, follow_official_norm=True)
    found.load_state_dict(state)
    assert found.state_dict().keys() == state.keys()


@pytest.mark.parametrize("norm", NORMS)
def test_removed_norms_change_no_result(norm):
    discriminator = HiFiGANScaleDiscriminator(**SMALL, **NORMS[norm]).eval()
    x = torch.randn(1, 1, 70)
    with torch.no_grad():
        before = discriminator(x)
        discriminator.remove_weight_norm()
        discriminator.remove_spectral_norm()
        after = discriminator(x)
    assert "layers.0.0.weight" in discriminator.state_dict()
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
