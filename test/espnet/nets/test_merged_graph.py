"""Tests of merged calls: several utterances in one call give what each gives alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy_graphs import Graph

from espnet.nets.merged_graph import MergedBatch, MergedGraph, MergedRows
from espnet.nets.tensors import as_array
from espnet.nets.together import Gathering
from espnet2.interface.spec import Component, State, Tensor

HYPOTHESES = ("batch", "beam")
TOKENS, PARENTS = Tensor("tokens", HYPOTHESES, "int64"), Tensor("parents", HYPOTHESES, "int64", below="parent")
MEMORY = Tensor("memory", (2, "batch", "frames", 3))
LENGTHS = Tensor("memory_lengths", ("batch",), "int64", length_of="frames")
SCORES = (Tensor("scores", (*HYPOTHESES, 4)),)


def state_of(name, *axes):
    return State(Tensor(name, (2, "batch", "parent", *axes)), Tensor(f"next_{name}", (2, "batch", "beam", *axes)))


def chosen(values, parents):
    """States (L, B, beam, ...) of the hypotheses that continue parents (B, beam)."""
    return np.stack([values[:, row, of] for row, of in enumerate(parents)], axis=1)


def scored(tokens, more):
    return np.stack([tokens * (1 + place) + more for place in range(4)], axis=-1).astype(np.float32)


def language_model(tokens, parents, hidden):
    hidden = chosen(hidden, parents) + tokens[None, ..., None]
    return scored(tokens, hidden.sum(axis=(0, 3))), hidden


def attention(tokens, parents, memory, lengths, weights):
    """The state has a number for each frame; frames behind an utterance's last are not read."""
    valid = np.arange(memory.shape[2]) < lengths[:, None]
    read = (memory.sum(axis=(0, 3)) * valid)[:, None] * (1 + chosen(weights, parents).sum(axis=0))
    weights = chosen(weights, parents) + read[None] + tokens[None, ..., None] * valid[:, None]
    return scored(tokens, read.sum(axis=-1)), weights


def cached(tokens, parents, memory, lengths, cache):
    past = chosen(cache, parents)
    counts = np.repeat(lengths[:, None], tokens.shape[1], axis=1)
    after = np.concatenate([past, np.broadcast_to(tokens[None, ..., None], (*past.shape[:3], 1))], axis=3)
    return scored(tokens, past.sum(axis=(0, 3)) + counts), after


JOINT = Component("joint", "", (Tensor("x", (*HYPOTHESES, 3)), Tensor("y", (*HYPOTHESES, 3))), SCORES)
LM = Component("lm_step", "", (TOKENS, PARENTS), SCORES, (state_of("hidden", 3),), {"parent": 1})
DECODER = Component(
    "decoder_step", "", (TOKENS, PARENTS, MEMORY, LENGTHS), SCORES, (state_of("weights", "frames"),), {"parent": 1}
)
PAST = State(Tensor("cache", (2, "batch", "parent", "past")), Tensor("next_cache", (2, "batch", "beam", "past+1")))
CACHE = Component("decoder_step", "", (TOKENS, PARENTS, MEMORY, LENGTHS), SCORES, (PAST,), {"parent": 1, "past": 0})
CASES = [
    ("joint", JOINT, lambda x, y: ((x + y) @ np.ones((3, 4), np.float32),), MergedRows),
    ("language model", LM, language_model, MergedRows),
    ("decoder", DECODER, attention, MergedBatch),
    ("decoder with a cache", CACHE, cached, MergedBatch),
]


def feeds_of(component, random, **sizes):
    def drawn(tensor):
        shape = [axis if isinstance(axis, int) else {"batch": 1, **sizes}[axis] for axis in tensor.axes]
        if tensor.length_of:
            return np.full(shape, sizes[tensor.length_of])
        if tensor.dtype == "int64":
            return random.integers(0, sizes.get(tensor.below, 9), shape)
        return random.integers(-9, 9, shape).astype(tensor.dtype)  # so that sums are exact in any order

    return {tensor.name: drawn(tensor) for tensor in component.feeds}


def arrays(results):
    return {name: as_array(value) for name, value in results.items()}


@pytest.mark.parametrize(("component", "function", "kind"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_merged_calls_give_what_each_gives_alone(component, function, kind):
    random, graph = np.random.default_rng(0), Graph(component, function)
    sizes = [(3, 4, 7, 4), (5, 1, 2, 4), (1, 6, 9, 4), (2, 2, 7, 1)]
    calls = [
        feeds_of(component, random, beam=beam, parent=parent, frames=frames, past=past)
        for beam, parent, frames, past in sizes
    ]
    alone = [arrays(graph(feeds)) for feeds in calls]
    graph.calls.clear()
    merged = MergedGraph(graph)
    assert kind.fits(component)
    for found, expected in zip(merged.many(calls), alone, strict=True):
        assert found.keys() == expected.keys()
        for name in expected:
            np.testing.assert_array_equal(as_array(found[name]), expected[name])
    assert len(graph.calls) == (2 if component is CACHE else 1)  # caches of one length only


def test_one_call_goes_in_as_it_is():
    graph = Graph(LM, language_model)
    feeds = {**feeds_of(LM, np.random.default_rng(0), beam=2, parent=1), "another": 1}
    MergedGraph(graph)(feeds)
    assert graph.calls == [feeds]


def test_what_has_no_axis_of_utterances_is_run_apart():
    component = Component("odd", "", (Tensor("x", ("frames",)),), (Tensor("y", ("frames",)),))
    graph = Graph(component, lambda x: (2 * x,))
    results = MergedGraph(graph).many([{"x": np.arange(3)}, {"x": np.arange(2)}])
    assert [as_array(result["y"]).tolist() for result in results] == [[0, 2, 4], [0, 2]]


def test_what_lasts_is_put_together_once():
    """Three utterances of other lengths take steps; the memory is put together again only where one has ended."""
    made, graph = [], Graph(DECODER, attention)
    merged, random = MergedGraph(graph), np.random.default_rng(0)

    def search(steps, frames):
        feeds = feeds_of(DECODER, random, beam=2, parent=2, frames=frames)
        for _ in range(steps):
            results = merged(feeds)
            feeds = {**feeds, "weights": results["next_weights"]}
        made.append(feeds["weights"].shape)
        return feeds

    for _, outcome in Gathering(3).run([lambda: search(4, 7), lambda: search(2, 5), lambda: search(4, 3)]):
        outcome.value()
    assert made == [(2, 1, 2, 5), (2, 1, 2, 7), (2, 1, 2, 3)]
    memories = [id(call["memory"]) for call in graph.calls]
    assert [memories.count(memory) for memory in dict.fromkeys(memories)] == [2, 2]
