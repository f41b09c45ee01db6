"""Blockwise synchronous search: against upstream's n-best lists, however a stream is cut, and at its edges."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_tables import GOLDEN, Frames, Table, golden_tables, pieces, random_tables

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.batch_beam_search_online import BatchBeamSearchOnline
from espnet.nets.batch_beam_search_online_sim import BatchBeamSearchOnlineSim
from espnet.nets.scorers.ctc import CTCPrefixScorer
from espnet.nets.scorers.length_bonus import LengthBonus

SEARCHES = {search.__name__: search for search in (BatchBeamSearchOnline, BatchBeamSearchOnlineSim)}
HYBRID = {"decoder": 0.7, "ctc": 0.3}
SMALL = {"block_size": 5, "hop_size": 2, "look_ahead": 1}


def make(search, tables, weights, beam_size=4, blanks_only=False, **options):
    vocab = tables["ctc"].shape[1]
    scorers = {
        "decoder": Table(tables["decoder_bigram"], tables["decoder_context"]),
        "ctc": CTCPrefixScorer(Frames(), vocab - 1, blanks_only=blanks_only),
        "lm": Table(tables["lm_bigram"], tables["lm_context"]),
        "length_bonus": LengthBonus(vocab),
    }
    options = {"pre_beam_score_key": "full", **options}
    return search(scorers, weights, beam_size, vocab, vocab - 1, vocab - 1, **options)


def stream(search, frames, cuts, *ratios):
    """The hypotheses after each of the pieces that `frames` are cut into."""
    search.reset()
    given = pieces(frames, cuts)
    return [search(piece, *(ratios or (0.0, 0.0)), is_final=n == len(given) - 1) for n, piece in enumerate(given)]


def listed(nbest):
    return [(hyp.yseq.tolist(), pytest.approx(hyp.score, abs=1e-6)) for hyp in nbest]


@pytest.mark.parametrize(
    "case",
    json.loads((GOLDEN / "streams.json").read_text()),
    ids=lambda case: f"{case['search']}-{json.dumps([case['weights'], case['options']])}",
)
def test_texts_equal_upstreams(case):
    for tables, (yseq, score) in zip(golden_tables(), case["best"], strict=True):
        search = make(SEARCHES[case["search"]], tables, case["weights"], blanks_only=True, **case["options"])
        simulated = case["search"] == "BatchBeamSearchOnlineSim"
        cuts = [] if simulated else np.cumsum(case["cuts"])[:-1].tolist()
        best = stream(search, tables["ctc"], cuts)[-1][0]
        assert (best.yseq.tolist(), best.score) == (yseq, pytest.approx(score, abs=1e-3))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 14), max_size=8),
    weights=st.sampled_from([HYBRID, {"ctc": 1.0}, {"decoder": 1.0, "lm": 0.5}]),
    repeats=st.booleans(),
    ratios=st.sampled_from([(0.0, 0.0), (0.6, 0.2), (-4.0, 0.0)]),
)
def test_cuts_make_no_difference(seed, cuts, weights, repeats, ratios):
    tables = random_tables(seed, vocab=6, frames=14)
    key = None if weights == {"ctc": 1.0} else "full"
    options = {**SMALL, "disable_repetition_detection": repeats, "pre_beam_score_key": key}
    search = make(BatchBeamSearchOnline, tables, weights, **options)
    whole = stream(search, tables["ctc"], [], *ratios)[-1]
    partial = stream(search, tables["ctc"], cuts, *ratios)
    assert listed(whole) == listed(partial[-1])
    assert whole[0].yseq[-1] == partial[0][0].yseq[-1] == search.eos


@pytest.mark.parametrize(("search", "cuts"), [(BatchBeamSearchOnline, [5]), (BatchBeamSearchOnlineSim, [])])
@pytest.mark.parametrize("ratios", [(0.0, 0.0), (0.5, 0.2), (-3.0, 0.0)])
def test_one_block_is_the_whole_search(search, cuts, ratios):
    tables = random_tables(3, vocab=6, frames=12)
    whole = make(BatchBeamSearch, tables, HYBRID)(tables["ctc"], *ratios)
    assert listed(stream(make(search, tables, HYBRID), tables["ctc"], cuts, *ratios)[-1]) == listed(whole)


def spoken(tokens, vocab, frames_each=4, probability=0.98):
    """Log-probabilities (T, V) of tokens that are each followed by blanks."""
    best = [token if frame == 0 else 0 for token in tokens for frame in range(frames_each)]
    p = np.full((len(best), vocab), (1 - probability) / (vocab - 1))
    p[np.arange(len(best)), best] = probability
    return np.log(p)


def test_texts_grow_while_one_speaks():
    frames = spoken([1, 2, 3, 4, 5, 6], vocab=8)
    search = make(BatchBeamSearchOnline, {**random_tables(0, 8, 1), "ctc": frames}, {"ctc": 1.0}, **SMALL, beam_size=1)
    search.pre_beam_score_key, search.do_pre_beam = None, False
    texts = [nbest[0].yseq[1:-1].tolist() for nbest in stream(search, frames, range(1, 24))]
    assert texts[0] == [] and texts[-1] == [1, 2, 3, 4, 5, 6]
    assert all(longer[: len(text)] == text for text, longer in itertools.pairwise(texts))
    assert len({len(text) for text in texts[:-1]}) > 3


@pytest.mark.parametrize(("longest_wait", "grows"), [(8, True), (1000, False)])
def test_a_search_that_is_far_behind_goes_on(longest_wait, grows):
    frames = spoken([1, 2] * 8, vocab=4)
    tables = {**random_tables(0, 4, 1), "ctc": frames}
    search = make(BatchBeamSearchOnline, tables, {"ctc": 1.0}, **SMALL, longest_wait=longest_wait)
    search.pre_beam_score_key, search.do_pre_beam = None, False
    *partial, final = stream(search, frames, range(4, len(frames), 4))
    assert final[0].yseq.tolist() == [3, *[1, 2] * 8, 3]
    assert (len(partial[-1][0].yseq) > 10) == grows


@pytest.mark.parametrize("search", SEARCHES.values())
def test_a_stream_without_frames(search):
    (hypothesis,) = make(search, random_tables(0, 4, 1), HYBRID)(np.zeros((0, 4)))
    assert hypothesis.yseq.tolist() == [3, 3]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"hop_size": 0}, "block_size, hop_size and look_ahead: expected a hop of at least 1"),
        ({"look_ahead": 40}, "found 40, 16 and 40"),
        ({"time_sync": True}, "time_sync: expected False, found True"),
        ({"encoded_feat_length_limit": 100}, "encoded_feat_length_limit: expected 0, found 100"),
    ],
)
def test_what_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(BatchBeamSearchOnline, random_tables(0, 4, 1), HYBRID, **options)


def test_a_long_stream_is_forgotten_and_none_the_worse(monkeypatch):
    rng = np.random.default_rng(0)
    frames = spoken(rng.integers(1, 9, size=150), vocab=10) + rng.normal(size=(600, 10))
    frames -= np.logaddexp.reduce(frames, axis=1, keepdims=True)
    tables = {**random_tables(0, 10, 1), "ctc": frames}
    found, known = [], []
    for nothing, least_blank in ((np.inf, np.inf), (300.0, -100.0)):
        monkeypatch.setattr("espnet.nets.ctc_prefix_score._NOTHING", nothing)
        monkeypatch.setattr("espnet.nets.ctc_prefix_score.LEAST_BLANK", least_blank)
        options = {"pre_beam_score_key": None, "disable_repetition_detection": True}
        search = make(BatchBeamSearchOnline, tables, {"ctc": 1.0}, **options)
        found.append(listed(stream(search, frames, range(10, 600, 10))[-1]))
        known.append(search.running_hyps.states["ctc"][0].enter.size)
    assert found[0] == found[1]
    assert known[0] > 400 and known[1] < 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("encoder_conf: {block_size: 8, hop_size: 3}", (8, 3, 16)),
        ("config: other.yaml", (20, 16, 5)),
        ("", (40, 16, 16)),
        ("config: self.yaml", "self.yaml: expected encoder_conf, found the names of files that name each other"),
        ("config: back.yaml", "self.yaml: expected encoder_conf, found the names of files that name each other"),
        ("[1, 2]", r"self.yaml: expected a mapping, found \[1, 2\]"),
        ("encoder_conf: [1]", r"self.yaml: encoder_conf: expected a mapping, found \[1\]"),
        ("encoder_conf: {hop_size: x}", "self.yaml: expected a number as encoder_conf.hop_size, found 'x'"),
    ],
)
def test_blocks_of_a_configuration(text, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in {"self": text, "back": "config: self.yaml"}.items():
        (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
    (tmp_path / "other.yaml").write_text("encoder_conf: {block_size: 20, look_ahead: 5}", encoding="utf-8")
    search = BatchBeamSearchOnlineSim.__new__(BatchBeamSearchOnlineSim)
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=expected):
            search.set_streaming_config("self.yaml")
    else:
        search.set_streaming_config("self.yaml")
        assert (search.block_size, search.hop_size, search.look_ahead) == expected
