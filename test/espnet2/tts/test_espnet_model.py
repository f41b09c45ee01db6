"""Models around a synthesis model: features, normalisation, graphs."""

import numpy as np
import pytest
import torch
import zoo

from espnet2.layers.global_mvn import GlobalMVN
from espnet2.tts.espnet_model import ESPnetTTSModel
from espnet2.tts.fastspeech2.fastspeech2 import FastSpeech2
from espnet2.tts.feats_extract.energy import Energy
from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank

STFT = {"fs": 8000, "n_fft": 256, "hop_length": 64}
DURATIONS = torch.tensor([[5, 4, 8]])
SPEECH = torch.sin(torch.arange(1024) / 5.0)[None]  # 17 frames


@pytest.fixture
def model(tmp_path) -> ESPnetTTSModel:
    rng = np.random.default_rng(0)
    normalizers = []
    for size in (8, 1):
        path = tmp_path / f"{size}.npz"
        np.savez(path, count=10, sum=rng.normal(size=size) * 10, sum_square=np.full(size, 50.0))
        normalizers.append(GlobalMVN(path))
    torch.manual_seed(0)
    tts = FastSpeech2(**zoo.ROWS["fastspeech2-default"].make.options)
    fbank = LogMelFbank(**STFT, n_mels=8, fmin=40, fmax=4000)
    energy = Energy(**STFT, reduction_factor=1)
    return ESPnetTTSModel(fbank, None, energy, normalizers[0], None, normalizers[1], tts).eval()


def _batch() -> dict[str, torch.Tensor]:
    return {
        "text": torch.tensor([[3, 4]]),
        "text_lengths": torch.tensor([2]),
        "speech": SPEECH,
        "speech_lengths": torch.tensor([1024]),
        "durations": DURATIONS,
        "durations_lengths": torch.tensor([3]),
        "pitch": torch.randn(1, 3, 1),
        "pitch_lengths": torch.tensor([3]),
    }


def test_losses_of_samples(model):
    loss, stats, _ = model(**_batch())
    assert torch.isfinite(loss).all()
    assert float(stats["energy_loss"]) > 0


def test_features_are_collected_before_normalisation(model):
    batch = _batch()
    found = model.collect_feats(**batch)
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "feats": (1, 17, 8),
        "feats_lengths": (1,),
        "pitch": (1, 3, 1),
        "pitch_lengths": (1,),
        "energy": (1, 3, 1),
        "energy_lengths": (1,),
    }
    assert torch.equal(found["feats"], model.feats_extract(SPEECH, batch["speech_lengths"])[0])


@torch.no_grad()
def test_denormalised_features_are_those_of_the_graph(model):
    results = model.inference(torch.tensor([3, 4]))
    expected = results["feat_gen"] * model.normalize.std + model.normalize.mean
    assert torch.allclose(results["feat_gen_denorm"], expected)
    (encoder, _), (decoder, component) = model.parts()
    assert [tensor.name for tensor in component.outputs] == ["feat_gen", "feat_gen_denorm", "feat_gen_lengths"]
    hidden, *_, lengths = encoder.encode_text(torch.tensor([[3, 4]]), torch.tensor([2]))
    values = torch.zeros(1, 3, 1)
    feats, denormalised, frames = getattr(decoder, component.method)(
        hidden, lengths, values, values, torch.tensor([[0, 1, 2]]), torch.tensor([3])
    )
    assert int(frames) == 3
    assert torch.allclose(denormalised, feats * model.normalize.std + model.normalize.mean)


@torch.no_grad()
def test_teacher_forcing_needs_speech(model):
    text = torch.tensor([3, 4])
    with pytest.raises(ValueError, match="speech"):
        model.inference(text, durations=DURATIONS[0], use_teacher_forcing=True)
    given = {"durations": DURATIONS[0], "pitch": torch.zeros(3, 1), "use_teacher_forcing": True}
    assert len(model.inference(text, speech=SPEECH[0], **given)["feat_gen"]) == int(DURATIONS.sum())
