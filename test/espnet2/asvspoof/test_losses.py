"""Losses of detectors of spoofed speech against their formulas, and models that train with them."""

import numpy as np
import pytest
import torch
import zoo_cls
from zoo_calls import module_for
from zoo_data import Config, Row

from espnet2.asvspoof.loss.am_softmax_loss import ASVSpoofAMSoftmaxLoss
from espnet2.asvspoof.loss.oc_softmax_loss import ASVSpoofOCSoftmaxLoss
from espnet2.interface.errors import TrainingError

FRAMES = torch.from_numpy(np.random.RandomState(0).standard_normal((4, 7, 6)).astype(np.float32))
LABELS = torch.tensor([[0], [1], [1], [0]])


def cosines(directions):
    means = FRAMES.double().mean(dim=1).numpy()
    directions = directions.detach().double().numpy()
    lengths = np.linalg.norm(means, axis=1)[:, None] * np.linalg.norm(directions, axis=1)
    return means @ directions.T / lengths


def test_one_class_softmax_is_that_of_its_paper():
    loss = ASVSpoofOCSoftmaxLoss(enc_dim=6, m_real=0.6, m_fake=0.1, alpha=5.0)
    closeness = cosines(loss.center)[:, 0]
    too_far = np.where(LABELS[:, 0] == 1, 0.6 - closeness, closeness - 0.1)
    assert loss(LABELS, FRAMES).item() == pytest.approx(np.log1p(np.exp(5.0 * too_far)).mean(), rel=1e-5)
    np.testing.assert_allclose(loss.score(FRAMES).detach(), closeness, atol=1e-6)
    assert loss.threshold == pytest.approx(0.35)


def test_additive_margin_is_that_of_its_paper():
    loss = ASVSpoofAMSoftmaxLoss(enc_dim=6, s=10, m=0.3)
    closeness = cosines(loss.centers)
    margins = 0.3 * (LABELS.numpy() == np.array([[0, 1]]))
    first = 10 * (closeness - margins)[:, 0]
    probability = 1 / (1 + np.exp(-first))
    expected = -np.log(np.where(LABELS[:, 0] == 1, probability, 1 - probability)).mean()
    assert loss(LABELS, FRAMES).item() == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(loss.score(FRAMES).detach(), closeness[:, 0], atol=1e-6)


@pytest.mark.parametrize("name", ["binary_loss", "am_softmax_loss", "oc_softmax_loss"])
def test_a_batch_trains_as_its_utterances_alone(name, tmp_path):
    keys = {**zoo_cls.DETECTOR.keys, "losses": [{"name": name, "conf": {"weight": 0.5}}]}
    model = module_for(Row(name, "", Config(zoo_cls.DETECTOR.task, keys), (), ()), tmp_path)
    lengths = torch.tensor([2600, 1801])
    speech = torch.randn(2, 2600) * (torch.arange(2600) < lengths[:, None])
    loss, stats, count = model(speech, lengths, torch.tensor([[1], [0]]))
    alone = [
        model(speech[row : row + 1, : lengths[row]], None, torch.tensor([label]))[0] for row, label in enumerate((1, 0))
    ]
    torch.testing.assert_close(loss, torch.stack(alone).mean())
    assert (count, 0 <= stats["acc"] <= 1) == (2, True)
    loss.backward()
    used = {key.split(".")[0] for key, value in model.named_parameters() if value.grad is not None}
    assert used == {"encoder", "decoder" if name == "binary_loss" else "losses"}
    with pytest.raises(TrainingError, match="label: expected 0 or 1 for each of 2 utterances"):
        model(speech, lengths, torch.tensor([1, 2]))
