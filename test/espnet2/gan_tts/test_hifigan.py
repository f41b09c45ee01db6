"""The generator beyond its numbers, which the zoo compares with upstream's."""

from pathlib import Path

import pytest
import torch
import zoo
import zoo_calls

from espnet2.gan_tts.hifigan.hifigan import HiFiGANGenerator


@pytest.fixture
def generator() -> HiFiGANGenerator:
    return zoo_calls.module_for(zoo.ROWS["hifigan-default"], Path())


@torch.no_grad()
def test_folded_weights_give_the_same_samples(generator):
    feats = torch.randn(2, 7, generator.in_channels)
    expected = generator.generate(feats)
    generator.remove_weight_norm()
    assert not any("weight_g" in key for key in generator.state_dict())
    assert torch.allclose(generator.generate(feats), expected, atol=1e-6)
    generator.apply_weight_norm()
    assert torch.allclose(generator.generate(feats), expected, atol=1e-6)


@torch.no_grad()
def test_samples_for_each_frame(generator):
    (component,) = generator.components()
    (rule,) = component.lengths
    for frames in (1, 5):
        samples = generator.inference(torch.randn(frames, generator.in_channels))
        assert len(samples) == rule.length(frames) == frames * 12
        assert samples.abs().max() <= 1.0


def test_names_that_pytorch_gives_since_2_1_load(generator):
    state = {
        key.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        ): value
        for key, value in generator.state_dict().items()
    }
    other = HiFiGANGenerator(**zoo.ROWS["hifigan-default"].make.options)
    other.load_state_dict(state)
    assert all(torch.equal(value, generator.state_dict()[key]) for key, value in other.state_dict().items())
