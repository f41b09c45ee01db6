"""Losses, embeddings and errors of whole speaker models; that their numbers are upstream's is tested with the zoo."""

import pytest
import torch

from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from espnet2.asr.specaug.specaug import SpecAug
from espnet2.interface.errors import ConfigError, TrainingError
from espnet2.spk.encoder.identity_encoder import IdentityEncoder
from espnet2.spk.encoder.rawnet3_encoder import RawNet3Encoder
from espnet2.spk.espnet_model import ESPnetSpeakerModel
from espnet2.spk.loss.softmax import Softmax
from espnet2.spk.pooling.mean_pooling import MeanPooling
from espnet2.spk.projector.xvector_projector import XvectorProjector


def model(specaug=None, loss=True):
    torch.manual_seed(0)
    parts = IdentityEncoder(20), MeanPooling(20), XvectorProjector(20, 4), Softmax(4, 3) if loss else None
    return ESPnetSpeakerModel(None, specaug, None, *parts)


BATCH = {"speech": torch.arange(2 * 30 * 20.0).reshape(2, 30, 20) / 1200, "speech_lengths": torch.tensor([30, 9])}


def test_the_loss_of_a_batch():
    trained = model()
    loss, stats, weight = trained(**BATCH, spk_labels=torch.tensor([[0], [2]]))
    assert (loss.dim(), int(weight), set(stats)) == (0, 2, {"loss", "accuracy"})
    loss.backward()
    assert all(parameter.grad is not None for parameter in trained.parameters())
    assert torch.equal(trained(**BATCH, spk_labels=torch.tensor([0, 2]))[0], loss)


def test_embeddings_of_a_batch_are_those_of_its_utterances():
    trained = model(loss=False).eval()
    together = trained(**BATCH, extract_embd=True)
    for index, length in enumerate(BATCH["speech_lengths"]):
        alone = trained(BATCH["speech"][index : index + 1, :length], extract_embd=True)
        assert torch.allclose(alone[0], together[index], atol=1e-6)


def test_features_are_masked_in_training_only():
    augmented = model(SpecAug(apply_time_warp=False, freq_mask_width_range=10, time_mask_width_range=9))
    given = BATCH["speech"], BATCH["speech_lengths"]
    assert torch.equal(augmented.eval().extract_feats(*given)[0], given[0])
    assert (augmented.train().extract_feats(*given)[0] == 0).sum() > 40
    assert torch.equal(augmented.collect_feats(*given)["feats"], given[0])


@pytest.mark.parametrize(
    ("loss", "labels", "message"),
    [
        (True, None, "spk_labels: expected what the loss is made of"),
        (False, torch.tensor([0, 1]), "loss: expected"),
        (True, torch.tensor([0, 1, 2]), "spk_labels: expected 2 labels, found 3"),
    ],
)
def test_what_has_no_loss(loss, labels, message):
    with pytest.raises(TrainingError, match=message):
        model(loss=loss)(**BATCH, spk_labels=labels)


def test_a_short_utterance():
    short = ESPnetSpeakerModel(None, None, None, RawNet3Encoder(20, ndim=8, output_size=8), MeanPooling(8), None, None)
    with pytest.raises(TooShortUttError, match="an utterance of 14 frames is too short; 15 are needed"):
        short.eval()(torch.zeros(1, 14, 20), extract_embd=True)


def test_parts_that_are_needed():
    with pytest.raises(ConfigError, match="encoder, pooling: expected one each"):
        ESPnetSpeakerModel(None, None, None, None, MeanPooling(8), None, None)
