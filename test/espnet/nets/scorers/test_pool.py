"""Steps over shared rows, with a graph in numpy: the same scores as without caches, alone and together."""

import functools
import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.scorers.step import StepScorer
from espnet.nets.together import Gathering
from espnet2.interface.spec import Component, State, Tensor

V, D, EOS = 7, 3, 6
RNG = np.random.default_rng(0)
EMBED, OUT = RNG.normal(size=(V, D)).astype(np.float32), RNG.normal(size=(D, V)).astype(np.float32)


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


class Start:
    component = Component(
        name="decoder_start",
        method="start",
        inputs=(Tensor("encoder_out", ("batch", "frames", D)),),
        outputs=(Tensor("memory", ("batch", "frames", D)),),
    )

    def __call__(self, feeds):
        return {"memory": feeds["encoder_out"] * 2}


class Step:
    """Sums the embeddings of all tokens of a hypothesis, weighted by their positions, and the mean of the memory."""

    component = Component(
        name="decoder_step",
        method="step",
        inputs=(
            Tensor("tokens", ("batch", "beam"), "int64", below=V),
            Tensor("positions", ("batch", "beam"), "int64", below=100),
            Tensor("visible", ("batch", "beam", "rows"), "bool", below=2),
            Tensor("memory", ("batch", "frames", D)),
            Tensor("memory_lengths", ("batch",), "int64", length_of="frames"),
        ),
        outputs=(Tensor("log_probs", ("batch", "beam", V)),),
        states=(State(Tensor("cache", ("rows", "batch", D)), Tensor("next_cache", ("beam", "batch", D)), "rows"),),
        initial={"rows": 0},
    )

    def __init__(self):
        self.sizes = []

    def __call__(self, feeds):
        assert set(feeds) == {tensor.name for tensor in self.component.feeds}
        self.sizes.append(feeds["visible"].shape)
        new = EMBED[feeds["tokens"]] * (1 + feeds["positions"][..., None])
        past = np.einsum("bnr,rbd->bnd", feeds["visible"], feeds["cache"])
        lengths = feeds["memory_lengths"][:, None, None]
        valid = np.arange(feeds["memory"].shape[1])[:, None] < lengths
        mean = (feeds["memory"] * valid).sum(1, keepdims=True) / np.maximum(lengths, 1)
        return {
            "log_probs": log_softmax(np.tanh(new + past + mean) @ OUT).astype(np.float32),
            "next_cache": new.transpose(1, 0, 2).astype(np.float32),
        }


class Whole(BatchScorerInterface):
    """The same scores from all tokens at every step."""

    def score(self, y, state, x):
        summed = (EMBED[y] * np.arange(1, len(y) + 1)[:, None]).sum(0)
        return log_softmax(np.tanh(summed + 2 * x.mean(0)) @ OUT), None


def search_by(scorer, beam=4, **options):
    return BatchBeamSearch({"decoder": scorer}, {"decoder": 1.0}, beam, V, EOS, EOS, **options)


def same(found, expected):
    assert [hyp.yseq.tolist() for hyp in found] == [hyp.yseq.tolist() for hyp in expected]
    np.testing.assert_allclose([hyp.score for hyp in found], [hyp.score for hyp in expected], rtol=1e-4)


def utterances(count):
    return [RNG.normal(size=(5 + 7 * (index % 5), D)).astype(np.float32) for index in range(count)]


@pytest.mark.parametrize("options", [{}, {"hyp_primer": [EOS, 2, 3]}], ids=["start", "primer"])
def test_the_same_nbest_as_without_caches(options):
    step = Step()
    for x in utterances(3):
        same(search_by(StepScorer(step, Start()), **options)(x, -40), search_by(Whole(), **options)(x, -40))
    # Rows that no hypothesis sees are dropped: 4 hypotheses take 40 steps.
    assert max(rows for *_, rows in step.sizes) < 120


@pytest.mark.parametrize("size", [2, 3, 8])
def test_together_as_alone(size):
    inputs, step = utterances(9), Step()
    search = search_by(StepScorer(step, Start()))
    lengths = [-3 - 5 * (index % 4) for index in range(len(inputs))]
    alone = [search(x, length) for x, length in zip(inputs, lengths, strict=True)]
    steps_alone = len(step.sizes)
    tasks = [functools.partial(search, x, length) for x, length in zip(inputs, lengths, strict=True)]
    for number, outcome in Gathering(size).run(iter(tasks)):
        same(outcome.value(), alone[number])
    assert len(step.sizes) - steps_alone < 0.75 * steps_alone
    assert max(batch for batch, *_ in step.sizes) == size


def test_hypotheses_of_different_steps_go_on_together():
    x, scorer = utterances(1)[0], StepScorer(Step(), Start())
    root = scorer.batch_init_state(x)
    _, left = scorer.batch_score(np.array([[6]] * 2), [root] * 2, x[None])
    _, right = scorer.batch_score(np.array([[6]]), [root], x[None])
    ys = np.array([[6, 1], [6, 2], [6, 3]])
    scores, states = scorer.batch_score(ys, [left[1], right[0], left[0]], x[None])
    np.testing.assert_allclose(scores, [Whole().score(y, None, x)[0] for y in ys], rtol=1e-4)
    again, _ = scorer.batch_score(ys[::-1], [left[0], right[0], left[1]], x[None])  # states do not change
    np.testing.assert_allclose(again, scores[::-1], rtol=1e-5)
    assert states[0].pool is left[0].pool


def test_a_stream_grows():
    x, scorer = utterances(5)[4], StepScorer(Step(), Start())
    _, before = scorer.batch_score(np.array([[6]]), [scorer.batch_init_state(x[:4])], x[None])
    longer = scorer.extend(before, x[4:])
    for states, seen in ((longer, x), (before, x[:4])):
        scores, _ = scorer.batch_score(np.array([[6, 1]]), states, x[None])
        np.testing.assert_allclose(scores[0], Whole().score(np.array([6, 1]), None, seen)[0], rtol=1e-4)


def test_rows_are_kept_for_states_that_live():
    x, scorer = utterances(1)[0], StepScorer(Step(), Start())
    state = first = scorer.batch_init_state(x)
    y = [6]
    for token in RNG.integers(0, V, 300).tolist():
        scores, states = scorer.batch_score(np.array([y] * 5), [state] * 5, x[None])
        state, y = states[2], [*y, token]
    np.testing.assert_allclose(scores[0], Whole().score(np.array(y[:-1]), None, x)[0], rtol=1e-3)
    assert state.pool.count < 300 + 5 * 64
    scores, _ = scorer.batch_score(np.array([[6]]), [first], x[None])
    np.testing.assert_allclose(scores[0], Whole().score(np.array([6]), None, x)[0], rtol=1e-4)
    paths = state.pool.paths
    del states, scores, first, _
    gc.collect()
    assert len(paths) == 1


class Failing(Step):
    """A step that fails for more than one utterance, or for one whose encoder output is not finite."""

    def __init__(self, together):
        super().__init__()
        self.together = together

    def __call__(self, feeds):
        if len(feeds["tokens"]) > 1 and not self.together:
            raise MemoryError
        if not np.isfinite(feeds["memory"]).all():
            raise ValueError("not finite")
        return super().__call__(feeds)


@pytest.mark.parametrize("together", [False, True], ids=["memory", "one"])
def test_a_step_that_fails_is_repeated_for_each_utterance_alone(together):
    inputs = utterances(4)
    alone = [search_by(StepScorer(Step(), Start()))(x, -12) for x in inputs]
    if together:
        inputs[2][1] = np.inf
    search = search_by(StepScorer(Failing(together), Start()))
    outcomes = dict(Gathering(4).run(functools.partial(search, x, -12) for x in inputs))
    for number, outcome in outcomes.items():
        if together and number == 2:
            assert isinstance(outcome.error, ValueError)
        else:
            same(outcome.value(), alone[number])


def test_what_one_utterance_leaves_does_not_reach_the_next():
    class Spoilt(Step):
        def __call__(self, feeds):
            results = super().__call__(feeds)
            bad = np.isnan(feeds["memory"]).any((1, 2))
            return {**results, "next_cache": np.where(bad[:, None], np.nan, results["next_cache"]).astype(np.float32)}

    inputs = utterances(8)
    alone = [search_by(StepScorer(Step(), Start()))(x, -12) for x in inputs]
    inputs[1][2] = np.nan
    search = search_by(StepScorer(Spoilt(), Start()))
    outcomes = dict(Gathering(3).run(functools.partial(search, x, -12) for x in inputs))
    assert isinstance(outcomes[1].error, ValueError)
    for number in set(range(8)) - {1}:
        same(outcomes[number].value(), alone[number])


def test_streams_that_met_go_on_apart():
    scorer, inputs = StepScorer(step := Step(), Start()), utterances(3)

    def grow(y, state, x, tokens):
        for token in tokens:
            scores, (state,) = scorer.batch_score(np.array([y]), [state], x[None])
            y = [*y, token]
        return y, state, scores[0]

    starts = [functools.partial(grow, [6], scorer.batch_init_state(x), x, [1, 2, 3]) for x in inputs]
    met = dict(Gathering(3).run(starts))
    step.sizes.clear()

    def go_on(number):
        y, state, _ = met[number].value()
        y, _, scores = grow(y, state, inputs[number], RNG.integers(0, V, 60).tolist())
        return scores, Whole().score(np.array(y[:-1]), None, inputs[number])[0]

    with ThreadPoolExecutor(3) as threads:
        for found, expected in threads.map(go_on, range(3)):
            np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert {batch for batch, *_ in step.sizes} == {1}
