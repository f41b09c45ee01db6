"""Gaussian upsampling against its formula."""

import torch

from espnet2.gan_tts.jets.length_regulator import GaussianUpsampling


def test_frames_are_means_of_tokens_by_distance():
    hidden, durations = torch.randn(1, 3, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([[2, 0, 3]])
    found = GaussianUpsampling(0.5)(hidden, durations)
    middles = (1.0, 2.0, 3.5)
    assert found.shape == (1, 5, 2)
    for frame in range(5):
        weights = torch.tensor([-0.5 * (frame - middle) ** 2 for middle in middles]).softmax(0)
        assert torch.allclose(found[0, frame], weights @ hidden[0], atol=1e-6)


def test_padded_tokens_have_no_weight():
    hidden, durations = torch.randn(2, 4, 3), torch.tensor([[2, 0, 3, 1], [1, 2, 0, 0]])
    tokens, frames = torch.tensor([[True] * 4, [True, True, False, False]]), torch.arange(6) < torch.tensor([[6], [3]])
    found = GaussianUpsampling()(hidden, durations, frames, tokens)
    alone = GaussianUpsampling()(hidden[1:, :2], durations[1:, :2])
    assert torch.allclose(found[1, :3], alone[0], atol=1e-6)


def test_a_batch_without_frames_has_one_for_each_token():
    hidden = torch.randn(1, 4, 3)
    found = GaussianUpsampling()(hidden, torch.zeros(1, 4, dtype=torch.long))
    assert torch.equal(found, GaussianUpsampling()(hidden, torch.ones(1, 4, dtype=torch.long)))
