"""Transducer searches against upstream's n-best lists, and against the sum over all alignments."""

import functools
import gc
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import zoo
import zoo_calls
from transducer_tables import BLANK_BIAS, FRAMES, LM_WEIGHT, SHARPNESS, Table
from zoo_rows import MODEL, VOCABULARY

from espnet.nets.beam_search_transducer import BeamSearchTransducer, BeamSearchTransducerOnline
from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet.nets.scorers.hotwords import Hotwords
from espnet.nets.scorers.mixture import Mixture
from espnet.nets.together import Gathering
from espnet.nets.transducer_options import TransducerOptions
from espnet.nets.transducer_prefixes import Labels, Prefix
from espnet.nets.transducer_searches import SEARCHES, merged
from espnet.nets.transducer_utterance import Emitted, Scored, TransducerUtterance

CASES = json.loads((Path(__file__).parents[2] / "golden" / "transducer" / "cases.json").read_text())
LOUD = 4.0  # of encoder outputs that have many labels
SOS = VOCABULARY - 1


@pytest.fixture(scope="module")
def graphs(tmp_path_factory) -> dict[str, TorchGraph]:
    directory = tmp_path_factory.mktemp("modules")
    decoder, joint = (zoo_calls.module_for(zoo.ROWS[name], directory) for name in ("transducer-lstm", "joint-default"))
    joint.lin_out.weight.data *= SHARPNESS
    joint.lin_out.bias.data[0] += BLANK_BIAS
    return {component.name: TorchGraph(m.eval(), component) for m in (decoder, joint) for component in m.components()}


def search_of(graphs, beam_size: int, lm: Table | None = None, make=BeamSearchTransducer, **options):
    parts = (graphs["decoder_step"], graphs["joint_start"], graphs["joint_step"])
    return make(*parts, beam_size, VOCABULARY, SOS, lm, LM_WEIGHT, TransducerOptions(**options))


def encoded(seed: int, frames: int = FRAMES) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal((frames, MODEL)).astype(np.float32)


def described(case: dict) -> str:
    return " ".join(f"{name} {value}" for name, value in case["options"].items()) + " lm" * case["lm"]


@pytest.mark.parametrize("case", CASES, ids=described)
def test_nbest_equals_upstream(graphs, case):
    options = dict(case["options"])
    search = search_of(graphs, options.pop("beam_size"), Table() if case["lm"] else None, **options)
    for seed, expected in enumerate(case["nbest"]):
        found = search(encoded(seed))[: len(expected)]
        assert [hypothesis.yseq.tolist() for hypothesis in found] == [yseq for yseq, _ in expected]
        np.testing.assert_allclose([hypothesis.score for hypothesis in found], [s for _, s in expected], atol=1e-4)


@pytest.mark.parametrize("name", [name for name in SEARCHES if name != "mbg"])
@pytest.mark.parametrize("lm", [None, Table()], ids=["alone", "with a language model"])
def test_utterances_together_equal_one_by_one(graphs, name, lm):
    """They have different lengths, and emit at different frames."""
    options = {"nstep": 2, "max_sym_exp": 3} if name != "greedy" else {}
    search = search_of(graphs, 1 if name == "greedy" else 4, lm, search_type=name, **options)
    utterances = [encoded(seed, frames) for seed, frames in enumerate((14, 3, 9, 14, 6))]
    found = dict(Gathering(3).run(functools.partial(search, x) for x in utterances))
    for number, x in enumerate(utterances):
        alone, batched = search(x), found[number].value()
        assert [hypothesis.yseq.tolist() for hypothesis in batched] == [h.yseq.tolist() for h in alone]
        assert [hypothesis.frames for hypothesis in batched] == [h.frames for h in alone]
        np.testing.assert_allclose([h.score for h in batched], [h.score for h in alone], atol=1e-4)


def rows_of(search: BeamSearchTransducer, frames: np.ndarray, labels: list[int]) -> np.ndarray:
    """Log-probabilities (T, 1 + U, V) of what follows each prefix of some labels (U,) at each frame."""
    utterance = TransducerUtterance(search)
    known = utterance.prefixes
    prefixes = list(itertools.accumulate(labels, known.continued, initial=known.start()))
    for prefix in prefixes:
        known.read([prefix])
    return np.stack([utterance.log_probs(frame, prefixes) for frame in frames])


def likelihood(search: BeamSearchTransducer, frames: np.ndarray, labels: list[int]) -> float:
    """Log-probability of a label sequence: the sum over all alignments (Graves 2012, equation 16)."""
    log_probs = rows_of(search, frames, labels)
    alpha = np.full((len(frames) + 1, 1 + len(labels)), -np.inf)
    alpha[0, 0] = 0.0
    for t in range(len(frames)):
        for u in range(1 + len(labels)):
            if u:
                alpha[t, u] = np.logaddexp(alpha[t, u], alpha[t, u - 1] + log_probs[t, u - 1, labels[u - 1]])
            alpha[t + 1, u] = alpha[t, u] + log_probs[t, u, 0]
    return float(alpha[-1, -1])


@pytest.mark.parametrize("name", ["tsd", "alsd"])
def test_no_alignment_counts_twice_and_few_are_missed(graphs, name):
    search, x = search_of(graphs, VOCABULARY, search_type=name, max_sym_exp=3), encoded(5, 3)
    frames = graphs["joint_start"]({"encoder_out": x[None]})["joint_frames"].numpy()[0]
    for hypothesis in search(x)[:3]:
        exact = likelihood(search, frames, hypothesis.yseq[1:].tolist())
        assert exact - 0.1 < hypothesis.score < exact + 1e-4


@pytest.mark.parametrize("name", SEARCHES)
def test_one_frame_is_enough(graphs, name):
    blanks = {"multi_blank_durations": [1], "multi_blank_indices": [0]} if name == "mbg" else {}
    found = search_of(graphs, 3, search_type=name, **blanks)(encoded(0, 1))
    assert found
    assert all(np.isfinite(hypothesis.score) for hypothesis in found)


def described_all(hypotheses) -> list[tuple]:
    return [(hypothesis.yseq.tolist(), hypothesis.frames) for hypothesis in hypotheses]


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["options"].get("search_type") != "alsd"], ids=described
)
def test_a_stream_finds_what_the_whole_utterance_has(graphs, case):
    options, lm = dict(case["options"]), Table() if case["lm"] else None
    beam_size, x = options.pop("beam_size"), encoded(1)
    whole = search_of(graphs, beam_size, lm, **options)(x)
    stream = search_of(graphs, beam_size, lm, BeamSearchTransducerOnline, **options)
    for cuts in ([1, 2, 3], [5, 5, 11], [13]):  # some pieces have no frames
        for piece in np.split(x, cuts):
            assert stream(piece, is_final=False)
        found = stream(x[:0], is_final=True)
        assert described_all(found) == described_all(whole)
        np.testing.assert_allclose([h.score for h in found], [h.score for h in whole], atol=1e-5)
        stream.reset()
    assert [hypothesis.yseq.tolist() for hypothesis in stream(x[:0])] == [whole[0].yseq[:1].tolist()]


class Counted:
    """A graph that counts its calls and the hypotheses in them."""

    def __init__(self, graph: TorchGraph) -> None:
        self.graph, self.component, self.calls, self.hypotheses = graph, graph.component, 0, 0

    def __call__(self, feeds):
        self.calls += 1
        self.hypotheses += next(iter(feeds.values())).shape[1]
        return self.graph(feeds)


@pytest.mark.parametrize(
    ("name", "shortcut", "without", "graph", "saves"),
    [
        ("maes", "searches.still_able", lambda search, running, blanks: running, "decoder_step", "hypotheses"),
        ("default", "searches.TOGETHER", 1, "decoder_step", "calls"),
        *((name, "utterance.AHEAD", 1, "joint_step", "calls") for name in ("default", "maes", "nsc")),
    ],
)
@pytest.mark.parametrize("lm", [None, Table()], ids=["", "lm"])
def test_a_shortcut_changes_no_result(graphs, monkeypatch, name, shortcut, without, graph, saves, lm):
    found, costs = [], []
    loudness = 0.1 if graph == "joint_step" else LOUD  # frames without labels, or with many
    for change in (False, True):
        if change:
            monkeypatch.setattr(f"espnet.nets.transducer_{shortcut}", without)
        counted = Counted(graphs[graph])
        search = search_of({**graphs, graph: counted}, 4, lm, search_type=name, nstep=3)
        found.append([hypothesis for seed in range(2) for hypothesis in search(loudness * encoded(seed, 8))])
        costs.append(getattr(counted, saves))
    assert costs[0] < costs[1]
    assert described_all(found[0]) == described_all(found[1])
    np.testing.assert_allclose(*([h.score for h in each] for each in found), atol=1e-5)


@pytest.mark.parametrize("name", ["greedy", "default"])
def test_a_label_comes_with_the_frame_where_it_is_emitted(graphs, name):
    """Without merging, a hypothesis is one path, and its score that of the path."""
    search, x = search_of(graphs, 4, search_type=name), encoded(3)
    frames = graphs["joint_start"]({"encoder_out": x[None]})["joint_frames"].numpy()[0]
    found = search(x)
    assert any(hypothesis.frames for hypothesis in found)
    for hypothesis in found:
        labels, emitted = hypothesis.yseq[1:].tolist(), [start for start, _ in hypothesis.frames]
        rows = rows_of(search, frames, labels)
        path = sum(rows[t, u, label] for u, (t, label) in enumerate(zip(emitted, labels, strict=True)))
        if name != "greedy":  # whose score has no blanks
            path += sum(rows[t, np.searchsorted(emitted, t, side="right"), 0] for t in range(FRAMES))
        assert path == pytest.approx(hypothesis.score, abs=1e-4)


@pytest.mark.parametrize("name", ["tsd", "alsd", "nsc", "maes"])
def test_frames_of_labels_ascend(graphs, name):
    found = search_of(graphs, 4, search_type=name)(LOUD * encoded(2))
    assert any(hypothesis.frames for hypothesis in found)
    for hypothesis in found:
        starts = [start for start, _ in hypothesis.frames]
        assert len(starts) == len(hypothesis.yseq) - 1
        assert starts == sorted(starts)
        assert all(0 <= start < FRAMES and end == start + 1 for start, end in hypothesis.frames)


def test_equal_sequences_have_the_frames_of_the_likeliest():
    labels = Labels(Labels(), 3)
    early, late = Scored(labels, -2.0, Emitted(1)), Scored(labels, -1.0, Emitted(4))
    (both,) = merged([early, late])
    assert both.spans() == [(4, 5)]
    assert both.score == pytest.approx(np.logaddexp(-1.0, -2.0))


@pytest.mark.parametrize("name", ["greedy", "default", "tsd", "nsc", "maes"])
def test_memory_does_not_grow_with_a_stream(graphs, name):
    def prefixes() -> int:
        gc.collect()
        return sum(type(held) is Prefix for held in gc.get_objects())

    left = prefixes()  # by other tests
    stream = search_of(graphs, 3, Table(), BeamSearchTransducerOnline, search_type=name, nbest=1)
    for seed in range(4):
        stream(LOUD * encoded(seed, 40), is_final=False)
        assert prefixes() - left < 40  # hypotheses and their last prefixes


WORDS = {(3, 7): 2.0, (2, 2, 5): 3.0}


def boosts_in(text: tuple[int, ...]) -> float:
    return sum(boost for word, boost in WORDS.items() for i in range(len(text)) if text[i : i + len(word)] == word)


@pytest.mark.parametrize("name", ["default", "tsd", "alsd", "nsc", "maes"])
@pytest.mark.parametrize("lm", [None, Table()], ids=["alone", "with a language model"])
def test_hotwords_add_the_boosts_of_complete_words(graphs, name, lm):
    """A beam of equal sequences has them merged in different places: the likeliest ones hardly differ."""
    hotwords = Hotwords(WORDS.items(), VOCABULARY)
    own = [(hotwords, 0.5 / LM_WEIGHT), *([(lm, 1.0)] if lm else [])]
    options = {"search_type": name, "score_norm": False, "max_sym_exp": 3, "nstep": 2}
    compared = 0
    for seed in range(4):
        x = LOUD * encoded(seed)
        plain = {tuple(h.yseq.tolist()): h for h in search_of(graphs, 10, lm, **options)(x)}
        boosted = search_of(graphs, 10, Mixture(own), **options)(x)
        assert [h.score for h in boosted] == sorted((h.score for h in boosted), reverse=True)
        for hypothesis in boosted:
            text = tuple(hypothesis.yseq.tolist())
            if text in plain and plain[text].frames == hypothesis.frames:
                compared += 1
                gained = hypothesis.score - plain[text].score
                assert gained == pytest.approx(0.5 * boosts_in(text[1:]), abs=1e-4 if name == "default" else 0.5)
    assert compared > 5


def test_a_word_that_is_worth_more_than_it_costs_ends_too(graphs):
    hotwords = Mixture([(Hotwords([((3,), 100.0)], VOCABULARY), 1.0)])
    found = search_of(graphs, 3, hotwords, search_type="default")(encoded(0, 4))
    assert len(found) == 3
    assert found[0].yseq.tolist().count(3) > 4


def test_a_language_model_without_weight_is_none(graphs):
    x = encoded(2)
    found = []
    for lm in (None, Table()):
        search = BeamSearchTransducer(
            *(graphs[name] for name in ("decoder_step", "joint_start", "joint_step")), 3, VOCABULARY, SOS, lm, 0.0
        )
        found.append([(h.yseq.tolist(), h.score, h.frames) for h in search(x)])
    assert found[0] == found[1]


def test_a_search_of_whole_utterances_is_refused_in_a_stream(graphs):
    with pytest.raises(ValueError, match=r"search_type: expected one that works on a stream \(default, .*found 'alsd'"):
        search_of(graphs, 3, make=BeamSearchTransducerOnline, search_type="alsd")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"search_type": "beam"}, "search_type: expected one of default, greedy, .*, found 'beam'"),
        ({"search_type": "mbg"}, "multi_blank_indices: expected a label for each"),
        ({"multi_blank_durations": [2]}, "multi_blank_indices: expected a label for each"),
        ({"multi_blank_durations": [0], "multi_blank_indices": [0]}, "multi_blank_durations: expected a list of"),
        ({"multi_blank_durations": [2], "multi_blank_indices": [99]}, "multi_blank_indices: expected tokens below 11"),
        ({"max_sym_exp": "3"}, "max_sym_exp: expected an integer of at least 1, found '3'"),
        ({"u_max": 2.5}, "u_max: expected an integer of at least 1, found 2.5"),
        ({"nbest": -1}, "nbest: expected an integer of at least 1, found -1"),
        ({"expansion_beta": -5}, "expansion_beta: expected an integer of at least 0, found -5"),
        ({"max_sym_exp": 10**9}, "max_sym_exp: expected at most 1000 a frame, found 1000000000"),
        ({"nstep": 10**9}, "nstep: expected at most 1000 a frame, found 1000000000"),
        ({"expansion_gamma": "x"}, "expansion_gamma: expected a number of at least 0, found 'x'"),
        ({"score_norm": "no"}, "score_norm: expected True or False, found 'no'"),
    ],
)
def test_unknown_search_is_refused(graphs, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        search_of(graphs, 3, **options)
