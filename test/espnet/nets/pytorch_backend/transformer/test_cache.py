"""Caches of step-by-step models: every hypothesis gets the entry of the one that it continues, of its own utterance."""

import pytest
import torch

from espnet.nets.pytorch_backend.transformer.cache import continued, entries_of, stacked


@pytest.mark.parametrize("batch, parent, beam", [(1, 1, 1), (1, 1, 4), (1, 4, 2), (3, 4, 4), (3, 2, 5)])
def test_hypotheses_get_what_they_continue(batch, parent, beam):
    layers = 2
    cache = torch.arange(layers * batch * parent * 6).view(layers, batch, parent, 2, 3)
    parents = torch.randint(0, parent, (batch, beam))
    found = stacked(continued(cache, entries_of(parents, cache)), parents)
    assert found.shape == (layers, batch, beam, 2, 3)
    for utterance in range(batch):
        for hypothesis in range(beam):
            expected = cache[:, utterance, parents[utterance, hypothesis]]
            assert torch.equal(found[:, utterance, hypothesis], expected)


def test_a_cache_may_be_empty():
    cache = torch.zeros(2, 3, 1, 4, 0, 5)
    parents = torch.zeros(3, 7, dtype=torch.int64)
    assert stacked(continued(cache, entries_of(parents, cache)), parents).shape == (2, 3, 7, 4, 0, 5)
