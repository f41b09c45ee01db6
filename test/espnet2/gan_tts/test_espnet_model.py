"""The model around a synthesis model and its discriminator, and random segments."""

from typing import Any

import pytest
import torch

from espnet2.gan_tts.abs_gan_tts import AbsGANTTS
from espnet2.gan_tts.espnet_model import ESPnetGANTTSModel
from espnet2.gan_tts.utils import get_random_segments, get_segments
from espnet2.interface.errors import ConfigError
from espnet2.tts.feats_extract.energy import Energy
from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank

STFT = {"fs": 8000, "n_fft": 256, "hop_length": 64}


class Recorder(AbsGANTTS):
    """A model whose loss is what it was called with."""

    require_raw_speech = True

    def __init__(self, hop: int) -> None:
        super().__init__()
        self.generator = torch.nn.Identity()
        self.generator.upsample_factor = hop

    def forward(self, forward_generator: Any = True, *batch: Any, **fields: Any) -> Any:
        return {"forward_generator": forward_generator, **fields}

    def inference(self, *arguments: Any, **further: Any) -> dict[str, torch.Tensor]:
        return {}


def _model(hop: int = 64) -> ESPnetGANTTSModel:
    energy = Energy(**STFT, reduction_factor=1, use_token_averaged_energy=False)
    return ESPnetGANTTSModel(LogMelFbank(**STFT, n_mels=8), None, None, None, energy, None, Recorder(hop))


@pytest.mark.parametrize("generator", [True, False])
def test_generator_and_discriminator_read_the_same_batch(generator):
    batch = {
        "text": torch.ones(2, 5, dtype=torch.long),
        "text_lengths": torch.tensor([5, 4]),
        "speech": torch.randn(2, 900),
        "speech_lengths": torch.tensor([900, 800]),
    }
    found = _model()(**batch, sids=torch.ones(2, 1), forward_generator=generator)
    assert found.pop("forward_generator") is generator
    # Upstream calls its model with these names and shapes.
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "text": (2, 5),
        "text_lengths": (2,),
        "feats": (2, 15, 8),
        "feats_lengths": (2,),
        "energy": (2, 15, 1),
        "energy_lengths": (2,),
        "speech": (2, 900),
        "speech_lengths": (2,),
        "sids": (2, 1),
    }


def test_features_of_another_hop_are_refused():
    with pytest.raises(ConfigError, match=r"hop_length: expected 32 samples.*found 64"):
        _model(hop=32)


def test_segments_are_those_that_upstream_draws_with_the_same_seed():
    x = torch.arange(40.0).view(2, 1, 20)
    torch.manual_seed(0)
    segments, starts = get_random_segments(x, torch.tensor([20, 9]), 6)
    assert starts.tolist() == [6, 2]
    assert segments[:, 0].tolist() == [[6.0, 7, 8, 9, 10, 11], [22.0, 23, 24, 25, 26, 27]]
    assert torch.equal(get_segments(x, starts, 6), segments)
