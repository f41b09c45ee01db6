"""Alignments of texts and features, against all paths of small ones and against formulas."""

import itertools
import math

import pytest
import torch

from espnet2.gan_tts.jets.alignments import AlignmentModule, average_by_duration, diagonal_prior, viterbi_decode
from espnet2.gan_tts.jets.loss import BLANK_PROBABILITY, ForwardSumLoss

TOKENS, FRAMES = torch.tensor([4, 2, 1]), torch.tensor([7, 5, 3])


def scores() -> torch.Tensor:
    return torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0))


def paths(tokens: int, frames: int) -> list[list[int]]:
    """The token of each frame, of all ways to give each token frames in turn."""
    cuts = itertools.combinations(range(1, frames), tokens - 1)
    return [[sum(cut <= frame for cut in chosen) for frame in range(frames)] for chosen in cuts]


def test_the_best_of_all_paths_is_found():
    values = scores()
    durations, loss = viterbi_decode(values, TOKENS, FRAMES)
    means = []
    for index, (tokens, frames) in enumerate(zip(TOKENS.tolist(), FRAMES.tolist(), strict=True)):
        found = {tuple(path): float(values[index, range(frames), path].sum()) for path in paths(tokens, frames)}
        best = max(found, key=lambda path: found[path])
        assert durations[index].tolist() == [best.count(token) for token in range(4)]
        means.append(-found[best] / frames)
    assert float(loss) == pytest.approx(sum(means) / 3, abs=1e-6)


def test_more_tokens_than_frames():
    durations, _ = viterbi_decode(torch.zeros(1, 2, 3), torch.tensor([3]), torch.tensor([2]))
    assert durations.tolist() == [[0.0, 1.0, 1.0]]


def test_the_prior_is_a_beta_binomial_distribution():
    def beta(a: float, b: float) -> float:
        return math.gamma(a) * math.gamma(b) / math.gamma(a + b)

    found = diagonal_prior(TOKENS, FRAMES, 4, 7).exp()
    for index, (tokens, frames) in enumerate(zip(TOKENS.tolist(), FRAMES.tolist(), strict=True)):
        for frame, token in itertools.product(range(7), range(4)):
            alpha, other = frame + 1, frames - frame
            real = frame < frames and token < tokens
            ways = math.comb(tokens, token)
            expected = ways * beta(token + alpha, tokens - token + other) / beta(alpha, other) if real else 0.0
            assert float(found[index, frame, token]) == pytest.approx(expected, rel=1e-9)


def test_a_batch_is_aligned_as_each_text_alone():
    torch.manual_seed(0)
    module = AlignmentModule(6, 5)
    text, feats = torch.randn(3, 4, 6), torch.randn(3, 7, 5)
    padding = torch.arange(4) >= TOKENS[:, None]
    with torch.no_grad():
        together = module(text, feats, TOKENS, FRAMES, padding)
        for index, (tokens, frames) in enumerate(zip(TOKENS.tolist(), FRAMES.tolist(), strict=True)):
            sizes = TOKENS[index : index + 1], FRAMES[index : index + 1]
            alone = module(text[index : index + 1, :tokens], feats[index : index + 1, :frames], *sizes)
            assert torch.allclose(together[index, :frames, :tokens], alone[0], atol=1e-5)
            assert together[index, frames:].isneginf().all() and together[index, :, tokens:].isneginf().all()


def test_averages_over_tokens():
    durations = torch.tensor([[2.0, 0.0, 1.0], [1.0, 2.0, 9.0]])
    values = torch.tensor([[1.0, 3.0, 5.0, 9.0], [7.0, 0.0, 2.0, 9.0]])
    found = average_by_duration(durations, values, torch.tensor([3, 2]), torch.tensor([3, 3]))
    assert found.tolist() == [[2.0, 0.0, 5.0], [7.0, 1.0, 0.0]]


def test_the_forward_sum_is_that_of_all_paths():
    values = scores().log_softmax(-1)
    terms = []
    for index, (tokens, frames) in enumerate(((2, 5), (1, 3)), 1):  # 4 tokens would have millions of paths
        blank = torch.full((frames, 1), math.log(BLANK_PROBABILITY))
        rows = torch.cat((blank, values[index, :frames, :tokens]), 1).log_softmax(-1)
        labels = [0, *(label for token in range(tokens) for label in (token + 1, 0))]
        total = []
        for places in itertools.product(range(len(labels)), repeat=frames):
            steps = [second - first for first, second in itertools.pairwise(places)]
            allowed = [
                step in (0, 1) or (step == 2 and labels[place]) for step, place in zip(steps, places[1:], strict=True)
            ]
            if places[0] <= 1 and places[-1] >= len(labels) - 2 and all(allowed):
                total.append(rows[range(frames), [labels[place] for place in places]].sum())
        terms.append(-torch.stack(total).logsumexp(0) / tokens)
    found = ForwardSumLoss()(values[1:], TOKENS[1:], FRAMES[1:])
    assert float(found) == pytest.approx(float(torch.stack(terms).mean()), abs=1e-5)
