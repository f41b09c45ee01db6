"""The loop of models that speak step by step, over graphs of arrays: limits, windows, states, and texts together."""

import dataclasses

import numpy as np
import pytest
from numpy_graphs import Graph

from espnet2.interface.errors import DataError
from espnet2.interface.spec import Component, State, Tensor
from espnet2.runtime.stepwise import BLOCK, stepwise, stepwise_batch
from espnet2.runtime.synthesis_options import SynthesisOptions
from espnet2.utils.attention_durations import durations_of

F = 2  # features
ENDLESS = {"threshold": 1e9}


def counting(r: int = 1, noise: bool = False, **attributes) -> Graph:
    """Steps whose frames are the numbers of steps from 1 on plus the text's value; `stop` is a tenth of that number.

    Attention goes around the first three tokens.
    """
    text = ("batch", "tokens")
    component = Component(
        "decoder_step",
        "step",
        (
            Tensor("hidden", text),
            Tensor("attended", text, "bool"),
            Tensor("positions", ("batch",), "int64"),
            *[Tensor("noise_dropout", ("batch", 3), below=1.0, noise=True)] * noise,
        ),
        (Tensor("frames", ("batch", r, F)), Tensor("stop", ("batch", r)), Tensor("att_w", text)),
        states=(
            State(Tensor("frame", ("batch", F)), Tensor("next_frame", ("batch", F))),
            State(Tensor("past", ("past", "batch", 1)), Tensor("new", (1, "batch", 1)), appended="past"),
        ),
        initial={"past": 0},
        attributes=attributes,
    )

    def run(hidden, attended, positions, *further):
        *drawn, frame, past = further
        assert len(past) == positions.max()
        now = frame + 1
        weights = np.eye(hidden.shape[1], dtype=np.float32)[positions % 3] * attended + attended * 0.01
        frames = now + hidden[:, :1] + (drawn[0][:, :1] if drawn else 0)
        stop = np.repeat(now[:, :1] / 10, r, 1)
        # The cache is summed, so that a wrong order of texts or a lost step shows.
        past = np.concatenate([past, now.T[:1, :, None] + hidden[None, :, :1]])
        return np.repeat((frames + past.sum(0))[:, None], r, 1), stop, weights, now, past[-1:]

    return Graph(component, run)


def pool(tokens: int, value: float = 0.0) -> dict:
    return {"hidden": np.full(tokens, value, np.float32), "hidden_lengths": tokens}


def speak(graph: Graph, tokens: int, **options):
    return stepwise(graph, pool(tokens), SynthesisOptions(**options), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("r", "attributes", "options", "frames"),
    [
        (1, {}, {}, 5),  # stops where the probability reaches 0.5
        (1, {}, {"threshold": 0.25}, 3),
        (1, {}, {"threshold": 0.0, "minlenratio": 0.75}, 7),
        (1, {}, {"threshold": 0.0, "minlenratio": 2.0, "maxlenratio": 1.0}, 20),
        (1, {}, {**ENDLESS, "maxlenratio": 1.79}, 17),
        (1, {}, {**ENDLESS, "maxlenratio": 0.0}, 1),
        (3, {}, {**ENDLESS, "maxlenratio": 1.7}, 18),
        (3, {}, {"threshold": 0.0, "minlenratio": 0.75}, 9),
        (3, {"limits_in_steps": True}, {**ENDLESS, "maxlenratio": 1.7}, 15),
        (3, {"limits_in_steps": True}, {**ENDLESS, "maxlenratio": 0.0}, 3),
        (3, {"limits_in_steps": True}, {"threshold": 0.0, "minlenratio": 0.75}, 6),
    ],
)
def test_limits(r, attributes, options, frames):
    feats, results = speak(counting(r, **attributes), 10, **options)
    assert feats.shape == (frames, F)
    assert results["prob"].shape == (frames,)
    assert results["att_w"].shape == (frames // r, 10)
    assert results["duration"].sum() == frames // r


def test_states_pass_from_step_to_step():
    feats, _ = speak(counting(), 30, **ENDLESS, maxlenratio=3 * BLOCK / 30)
    steps = np.arange(1, 3 * BLOCK + 1)
    assert feats[:, 0].tolist() == (steps + np.cumsum(steps)).tolist()


def test_windows_follow_attention():
    graph = counting()
    speak(graph, 9, use_att_constraint=True, backward_window=1, forward_window=2, threshold=0.4)
    masks = [call["attended"][0] for call in graph.calls]
    assert [np.flatnonzero(mask).tolist() for mask in masks] == [[0, 1], [0, 1], [0, 1, 2], [1, 2, 3]]
    speak(graph := counting(), 9)
    assert all(call["attended"].all() for call in graph.calls)


def test_texts_together_equal_each_alone():
    graph, options = counting(noise=True), SynthesisOptions(**ENDLESS, maxlenratio=4.0)
    pools = [pool(tokens, value) for tokens, value in ((20, 1.0), (3, 2.0), (20, 3.0), (7, 4.0))]
    together = stepwise_batch(graph, pools, options, [np.random.default_rng(seed) for seed in range(4)])
    sizes = [len(call["hidden"]) for call in graph.calls]
    assert (sizes[0], sizes[12], sizes[28], sizes[-1], len(sizes)) == (4, 3, 2, 2, 80)
    for seed, (one, (feats, results)) in enumerate(zip(pools, together, strict=True)):
        expected, named = stepwise(graph, one, options, np.random.default_rng(seed))
        np.testing.assert_array_equal(feats, expected)
        assert all(np.array_equal(results[name], value) for name, value in named.items())


def test_noise_is_that_of_the_seed():
    graph = counting(noise=True)
    found = [stepwise(graph, pool(9), SynthesisOptions(), np.random.default_rng(seed))[0] for seed in (1, 1, 2)]
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    drawn = np.concatenate([call["noise_dropout"] for call in graph.calls])
    assert drawn.dtype == np.float32
    assert drawn.min() >= 0 and drawn.max() < 1
    assert len(np.unique(drawn[:5])) == 15


def test_given_frames_are_read_in_place_of_own():
    given = np.arange(14, dtype=np.float32).reshape(7, F)
    options = SynthesisOptions(use_teacher_forcing=True)
    feats, results = stepwise(graph := counting(3), {**pool(9), "feats": given}, options, np.random.default_rng(0))
    assert [np.asarray(getattr(call["frame"], "array", call["frame"])).tolist() for call in graph.calls] == [
        [[0.0, 0.0]],
        [[4.0, 5.0]],
    ]
    assert len(feats) == 6
    assert list(results) == ["att_w", "duration", "focus_rate"]


@pytest.mark.parametrize("feats", [None, np.zeros((2, F)), np.zeros((7, 5)), np.zeros(7)])
def test_given_frames_that_do_not_fit(feats):
    given = {} if feats is None else {"feats": feats}
    options = SynthesisOptions(use_teacher_forcing=True)
    with pytest.raises(DataError, match=r"feats: expected features \(3 or more, 2\)"):
        stepwise(counting(3), {**pool(9), **given}, options, np.random.default_rng(0))


def test_model_without_attention():
    graph = counting()
    component = dataclasses.replace(graph.component, outputs=graph.component.outputs[:2])
    bare = Graph(component, lambda *feeds: [*(results := graph.function(*feeds))[:2], *results[3:]])
    assert list(speak(bare, 9)[1]) == ["prob"]


def test_durations_of_attention():
    weights = np.array([[0.6, 0.4, 0.0], [0.2, 0.5, 0.3], [0.1, 0.9, 0.0]], np.float32)
    for given in (weights, np.stack([np.full((2, 3, 3), 0.4, np.float32), np.stack([weights * 0.9, weights])])):
        duration, focus_rate = durations_of(given)
        assert duration.tolist() == [1, 2, 0]
        assert focus_rate == pytest.approx((0.6 + 0.5 + 0.9) / 3)
