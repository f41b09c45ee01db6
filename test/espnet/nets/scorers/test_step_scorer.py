"""StepScorer with a graph in numpy: what is fed, which rows are gathered, and the same scores as without caches."""

import numpy as np
import pytest

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.beam_search import BeamSearch
from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.scorers.step import StepScorer
from espnet2.interface.spec import Component, State, Tensor

V, D = 7, 3
RNG = np.random.default_rng(0)
EMBED, OUT = RNG.normal(size=(V, D)).astype(np.float32), RNG.normal(size=(D, V)).astype(np.float32)


class Value:
    """Stands for an OrtValue or a tensor."""

    def __init__(self, array):
        self.array = array

    def numpy(self):
        return self.array


def array_of(value):
    return value.numpy() if isinstance(value, Value) else value


class Start:
    component = Component(
        name="decoder_start",
        method="start",
        inputs=(Tensor("encoder_out", ("batch", "frames", D)),),
        outputs=(Tensor("memory", ("batch", "frames", D)),),
    )

    def __init__(self):
        self.calls = 0

    def __call__(self, feeds):
        self.calls += 1
        return {"memory": Value(feeds["encoder_out"] * 2), "not_read_by_step": Value(np.zeros(3))}


class Step:
    """Attends to nothing: sums embeddings over a cache of all tokens and the mean of the memory's valid frames."""

    cache = Tensor("cache_key", (1, "batch", "parent", "past", D))
    component = Component(
        name="decoder_step",
        method="step",
        inputs=(
            Tensor("tokens", ("batch", "beam"), "int64", below=V),
            Tensor("parents", ("batch", "beam"), "int64", below="parent"),
            Tensor("memory", ("batch", "frames", D)),
            Tensor("memory_lengths", ("batch",), "int64", length_of="frames"),
        ),
        outputs=(Tensor("log_probs", ("batch", "beam", V)),),
        states=(State(cache, Tensor("next_cache_key", (1, "batch", "beam", "past+1", D))),),
        initial={"parent": 1, "past": 0},
    )

    def __init__(self):
        self.calls = []

    def __call__(self, feeds):
        feeds = {name: array_of(value) for name, value in feeds.items()}
        assert set(feeds) == {tensor.name for tensor in self.component.feeds}
        assert all(feeds[name].dtype == np.int64 for name in ("tokens", "parents", "memory_lengths"))
        self.calls.append(feeds)
        rows, new = feeds["parents"][0], EMBED[feeds["tokens"]][None, :, :, None]
        cache = np.concatenate([feeds["cache_key"][:, :, rows], new], axis=3)
        memory = feeds["memory"][0, : feeds["memory_lengths"][0]].mean(0)
        return {"log_probs": Value(logits(cache[0], memory)), "next_cache_key": Value(cache)}


def logits(embedded, memory):
    """(…, U, D) to log-probabilities (…, V); the position matters, so that a wrong cache shows."""
    weights = np.arange(1, embedded.shape[-2] + 1, dtype=np.float32)[:, None]
    x = np.tanh((embedded * weights).sum(-2) + memory) @ OUT
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


class Whole(BatchScorerInterface):
    """The same scores from all tokens at every step."""

    def score(self, y, state, x):
        return logits(EMBED[y], 2 * x.mean(0)), None


@pytest.mark.parametrize("search", [BeamSearch, BatchBeamSearch])
def test_the_same_nbest_as_without_caches(search):
    x = RNG.normal(size=(6, D)).astype(np.float32)
    start, step = Start(), Step()
    cached, whole = (
        search({"decoder": scorer}, {"decoder": 1.0}, 3, V, V - 1, V - 1)(x)
        for scorer in (StepScorer(step, start), Whole())
    )
    assert [hyp.yseq.tolist() for hyp in cached] == [hyp.yseq.tolist() for hyp in whole]
    np.testing.assert_allclose([hyp.score for hyp in cached], [hyp.score for hyp in whole], rtol=1e-5)
    assert start.calls == 1
    if search is BatchBeamSearch:
        assert [call["cache_key"].shape[3] for call in step.calls] == list(range(len(step.calls)))


def test_states_of_different_steps_go_through_the_graph_together():
    x = RNG.normal(size=(4, D)).astype(np.float32)
    step = Step()
    scorer = StepScorer(step, Start())
    root = scorer.batch_init_state(x)
    _, left = scorer.batch_score(np.array([[6]] * 2), [root] * 2, x[None])
    _, right = scorer.batch_score(np.array([[6]]), [root], x[None])
    ys = np.array([[6, 1], [6, 2], [6, 3]])
    step.calls.clear()
    scores, states = scorer.batch_score(ys, [left[1], right[0], left[0]], x[None])
    assert [call["parents"].tolist() for call in step.calls] == [[[0, 1, 2]]]
    expected = np.stack([logits(EMBED[y], 2 * x.mean(0)) for y in ys])
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    longer = np.concatenate([ys[::-1], [[4]] * 3], axis=1)
    scores, _ = scorer.batch_score(longer, states[::-1], x[None])
    np.testing.assert_allclose(scores, np.stack([logits(EMBED[y], 2 * x.mean(0)) for y in longer]), rtol=1e-5)


class WholeStart(Start):
    """Frames that depend on all others, so that their number has to be told."""

    component = Component(
        name="decoder_start",
        method="start",
        inputs=(*Start.component.inputs, Tensor("memory_lengths", ("batch",), "int64", length_of="frames")),
        outputs=Start.component.outputs,
    )

    def __call__(self, feeds):
        assert feeds["memory_lengths"].tolist() == [feeds["encoder_out"].shape[1]]
        return super().__call__(feeds)


@pytest.mark.parametrize("start", [Start, WholeStart])
def test_a_stream_grows(start):
    x = RNG.normal(size=(9, D)).astype(np.float32)
    scorer = StepScorer(Step(), start())
    _, before = scorer.batch_score(np.array([[6]]), [scorer.batch_init_state(x[:4])], x[None])
    _, other = scorer.batch_score(np.array([[6]]), [scorer.batch_init_state(x[:4])], x[None])
    states = scorer.extend(scorer.extend([before[0], other[0], before[0]], x[4:5]), x[5:])
    assert states[0].feeds is states[2].feeds is not states[1].feeds
    assert len({id(state.feeds["memory"]) for state in states}) == 2 - (start is WholeStart)
    ys = np.array([[6, 1], [6, 2], [6, 3]])
    scores, _ = scorer.batch_score(ys, states, x[None])
    np.testing.assert_allclose(scores, np.stack([logits(EMBED[y], 2 * x.mean(0)) for y in ys]), rtol=1e-5)


@pytest.mark.parametrize("start", [Start, WholeStart])
def test_steps_read_the_last_frames_of_a_stream(start):
    x = RNG.normal(size=(9, D)).astype(np.float32)
    scorer = StepScorer(Step(), start(), longest=3)
    states = [scorer.batch_init_state(x[:4])]
    for known, seen in ((4, 5), (5, 9)):
        scores, _ = scorer.batch_score(np.array([[6]]), states, x[None])
        np.testing.assert_allclose(scores, logits(EMBED[[[6]]], 2 * x[known - 3 : known].mean(0)), rtol=1e-5)
        states = scorer.extend(states, x[known:seen])
    assert states[0].feeds["memory_lengths"] == [3] and array_of(states[0].feeds["memory"]).shape == (1, 3, D)


def test_states_of_frames_grow_by_zeros():
    class Attends(Step):
        weights = Tensor("weights", (1, "batch", "parent", "frames"))
        component = Component(
            name="decoder_step",
            method="step",
            inputs=Step.component.inputs,
            outputs=Step.component.outputs,
            states=(State(weights, Tensor("next_weights", (1, "batch", "beam", "frames"))),),
            initial={"parent": 1},
        )

    scorer = StepScorer(Attends(), Start())
    (state,) = scorer.extend([scorer.batch_init_state(np.ones((2, D)))], np.ones((3, D)))
    assert state.feeds["weights"].shape == (1, 1, 1, 5) and state.feeds["memory_lengths"] == [5]


@pytest.mark.parametrize("search", [BeamSearch, BatchBeamSearch])
def test_a_primer_is_read_token_by_token(search):
    x = RNG.normal(size=(6, D)).astype(np.float32)
    step = Step()
    cached, whole = (
        search({"decoder": scorer}, {"decoder": 1.0}, 3, V, V - 1, V - 1, hyp_primer=[V - 1, 2, 3])(x, -4)
        for scorer in (StepScorer(step, Start()), Whole())
    )
    assert [hyp.yseq.tolist() for hyp in cached] == [hyp.yseq.tolist() for hyp in whole]
    np.testing.assert_allclose([hyp.score for hyp in cached], [hyp.score for hyp in whole], rtol=1e-5)
    assert [call["tokens"].tolist() for call in step.calls[:3]] == [[[V - 1]], [[2]], [[3]]]


def test_a_language_model_has_no_start():
    class LanguageModel(Step):
        component = Component(
            name="lm_step",
            method="step",
            inputs=Step.component.inputs[:2],
            outputs=Step.component.outputs,
            states=Step.component.states,
            initial=Step.component.initial,
        )

        def __call__(self, feeds):
            memory = {"memory": np.zeros((1, 1, D)), "memory_lengths": np.array([1])}
            assert not memory.keys() & feeds.keys()
            return Step.__call__(StepWithMemory, {**feeds, **memory})

    StepWithMemory = Step()
    scorer = StepScorer(LanguageModel())
    scores, state = scorer.score(np.array([6]), scorer.init_state(np.zeros((4, D))), np.zeros((4, D)))
    np.testing.assert_allclose(scores, logits(EMBED[[6]], 0.0), rtol=1e-5)
    assert state.row == 0
