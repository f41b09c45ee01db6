"""Utterances that are recognised together: their results are those of one by one, for every search."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from espnet.nets.together import together
from espnet2.fileio.audio import read_audio
from espnet2.interface.errors import GraphError
from espnet2.runtime.asr import Speech2Text
from espnet2.runtime.batch_size import AUTO, best_batch_size
from espnet2.runtime.batches import BatchRecognizer
from espnet2.runtime.search import make_search
from espnet2.runtime.side_by_side import side_by_side

USUAL = {"beam_size": 3, "nbest": 2, "ctc_weight": 0.4, "num_threads": 1}
SEARCHES = [
    {},
    {"ctc_weight": 0.0, "lm_weight": 0.3},
    {"ctc_weight": 1.0, "lm_weight": 0.0},
    {"ctc_greedy": True},
    {"time_sync": True, "lm_weight": 0.3},
    {"partial_ar": True},
    {"streaming": True, "search_block_size": 20, "search_hop_size": 8, "search_look_ahead": 8},
    {"timestamps": "token", "normalize_length": True},
]


@pytest.fixture(scope="module")
def speeches(demo_dir) -> list[np.ndarray]:
    """Recordings of different lengths."""
    whole = [read_audio(path, 16000) for path in sorted((demo_dir / "recordings").glob("*.flac"))]
    return [*whole[:4], whole[4][: len(whole[4]) // 2], whole[5][: len(whole[5]) // 3]]


@pytest.mark.parametrize("options", SEARCHES, ids=str)
def test_results_are_those_of_one_by_one(demo_bundle, speeches, options):
    options = {**USUAL, **options}
    alone = [Speech2Text(demo_bundle, **options)(speech) for speech in speeches]
    batched = Speech2Text(demo_bundle, **options, batch_size=4)
    for gatherings in (1, 2) if options == USUAL else (1,):
        batched.gatherings = gatherings
        for found, expected in zip(batched(speeches), alone, strict=True):
            assert [result[:3] for result in found] == [result[:3] for result in expected]
            assert [result.hypothesis.frames for result in found] == [r.hypothesis.frames for r in expected]
            scores = [result.hypothesis.score for result in expected]
            np.testing.assert_allclose([result.hypothesis.score for result in found], scores, atol=1e-4)


def test_steps_are_taken_together(demo_bundle, speeches):
    counts = {}
    for batch_size in (1, 4):
        calls = itertools.count()
        recognizer = Speech2Text(demo_bundle, beam_size=3, batch_size=batch_size, num_threads=1)
        graphs = recognizer.model.graphs
        counted = CountedGraph(graphs["decoder_step"], calls)
        model = dataclasses.replace(recognizer.model, graphs={**graphs, "decoder_step": counted})
        recognizer.beam_search = make_search(model, recognizer.options)
        recognizer(speeches[:4])
        counts[batch_size] = next(calls)
    assert counts[4] < counts[1] / 2


class CountedGraph:
    """A graph whose calls are counted."""

    def __init__(self, graph, calls):
        self.component, self._graph, self._calls = graph.component, graph, calls

    def __call__(self, feeds):
        next(self._calls)
        return self._graph(feeds)


class Fragile(BatchRecognizer):
    """A recogniser whose encoder takes two samples and one utterance at most, and whose search dislikes ones."""

    def __init__(self):
        self.long_form = SimpleNamespace(cuts=lambda steps: False, groups=lambda speeches: [list(speeches)])

    batch_size = 3

    def forward(self, speeches):
        if len(speeches) > 1 or len(speeches[0]) > 2:
            raise GraphError("encoder: expected what the graph can compute, found: too much")
        return speeches

    def search(self, encoder_out):
        if together(lambda calls: [call.any() for call in calls], encoder_out):
            raise ValueError("expected zeros, found ones")
        return [encoder_out]

    def of_speaker(self, encoder_out, timed=False):
        raise NotImplementedError

    def blank_near(self, encoder_out, frame, reach):
        raise NotImplementedError


def test_an_utterance_that_fails_stops_no_other():
    short, long, bad = np.zeros(2), np.zeros(3), np.ones(1)
    first, second, third, fourth = Fragile().each([short, long, bad, short])
    assert first.value()[0] is short
    assert fourth.value()[0] is short
    assert isinstance(second.error, GraphError)
    assert isinstance(third.error, ValueError)


@pytest.mark.parametrize("rows", [0, 1, 3, 7])
def test_an_encoder_with_outputs_of_other_utterances_is_refused(monkeypatch, rows):
    monkeypatch.setattr(Fragile, "forward", lambda self, speeches: [np.zeros(2)] * (rows if len(speeches) > 1 else 0))
    for outcome in Fragile().each([np.zeros(1)] * 2):
        assert "encoder: expected outputs of 1 utterances, found those of 0" in str(outcome.error)


def increased(calls):
    return [call + 1 for call in calls]


def count_to(number):
    return functools.reduce(lambda value, _: together(increased, value), range(number), 0)


@pytest.mark.parametrize("gatherings", [1, 2, 3])
def test_several_gatherings_share_the_tasks(gatherings):
    tasks = [functools.partial(count_to, number % 7) for number in range(30)]
    found = dict(side_by_side(tasks, 5, gatherings))
    assert {number: outcome.value() for number, outcome in found.items()} == {n: n % 7 for n in range(30)}


@pytest.mark.parametrize("gatherings", [1, 2])
def test_a_caller_that_stops_ends_all(gatherings):
    before = threading.active_count()
    endless = functools.partial(count_to, 10**9)
    running = side_by_side([functools.partial(count_to, 1), *[endless] * 5], 4, gatherings)
    assert next(running)[0] == 0
    running.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("gatherings", [1, 2])
def test_an_error_of_the_tasks_reaches_the_caller(gatherings):
    def tasks():
        yield functools.partial(count_to, 3)
        raise OSError("expected a list")

    with pytest.raises(OSError, match="a list"):
        list(side_by_side(tasks(), 2, gatherings))


@pytest.mark.parametrize(
    ("beam_size", "memory", "expected"),
    [(10, 10**12, 16), (20, 10**12, 8), (1, 10**12, 32), (500, 10**12, 1), (10, 0, 1)],
)
def test_the_best_batch_size(demo_bundle, beam_size, memory, expected):
    graphs = Speech2Text(demo_bundle, num_threads=1).model.graphs
    assert best_batch_size(graphs, beam_size, memory) == expected


def test_less_memory_makes_smaller_batches(demo_bundle):
    graphs = Speech2Text(demo_bundle, num_threads=1).model.graphs
    sizes = [best_batch_size(graphs, 10, memory) for memory in (10**7, 10**8, 10**9)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_the_batch_size_is_chosen(demo_bundle):
    chosen = Speech2Text(demo_bundle, batch_size=AUTO, beam_size=20, num_threads=1)
    assert chosen.batch_size in range(1, 9)
    assert chosen.long_form.batch_size == chosen.options.batch_size == chosen.batch_size


@pytest.mark.parametrize("most", [0, 1, 2])
def test_gatherings_without_threads_enough(limit_threads, most):
    before = threading.active_count()
    limit_threads(most)
    found = dict(side_by_side([functools.partial(count_to, number) for number in range(7)], 4, 2))
    assert {number: outcome.value() for number, outcome in found.items()} == {n: n for n in range(7)}
    assert threading.active_count() == before
