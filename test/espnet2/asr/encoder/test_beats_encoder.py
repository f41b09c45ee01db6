"""BEATs declares as many output frames as it gives, at every length that it reads."""

import pytest
import torch

from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from espnet2.asr.encoder.beats_encoder import MARGIN, BeatsEncoder, repeat_short

SMALL = {
    "encoder_layers": 1,
    "encoder_embed_dim": 8,
    "encoder_ffn_embed_dim": 8,
    "encoder_attention_heads": 2,
    "embed_dim": 4,
    "conv_pos": 4,
    "conv_pos_groups": 2,
}


@pytest.mark.parametrize("rate", [1, 2])
def test_declared_length(rate):
    encoder = BeatsEncoder(1, beats_config=SMALL, downsampling_rate=rate).eval()
    for size in (120, 1600, 2679, 2680, 2800, 3199, 3200, 5359, 5360, 6000, 9000):
        x, lengths, _ = encoder(torch.rand(1, size), torch.tensor([size]))
        assert x.shape[1] == encoder.length(size) >= lengths.item() > 0


def test_every_repeated_utterance_fits():
    encoder = BeatsEncoder(1, beats_config=SMALL)
    for size in range(encoder.length.shortest(), 3400):
        samples, repeated = repeat_short(torch.zeros(1, size), torch.tensor([size]))
        assert samples.shape[1] == size + MARGIN
        assert 1 <= encoder.valid_length(repeated) <= encoder.length(size)
    assert encoder.valid_length.shortest(9) // 2 == MARGIN


def test_too_short():
    with pytest.raises(TooShortUttError, match=r"119 samples.*120"):
        BeatsEncoder(1, beats_config=SMALL)(torch.rand(1, 119), torch.tensor([119]))
