"""Transducer searches against upstream's n-best lists, and against the sum over all alignments."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import zoo
import zoo_calls
from zoo_rows import MODEL, VOCABULARY

from espnet.nets.beam_search_transducer import SEARCHES, BeamSearchTransducer, TransducerOptions
from espnet.nets.scorer_interface import BatchScorerInterface
from espnet2.export.torch_graph import TorchGraph

CASES = json.loads((Path(__file__).parents[2] / "golden" / "transducer" / "cases.json").read_text())
FRAMES, LM_WEIGHT, SHARPNESS, BLANK_BIAS = 14, 0.4, 2.0, 3.0  # as tools/make_transducer_golden.py has them
SOS = VOCABULARY - 1


def log_softmax(x: np.ndarray) -> np.ndarray:
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


class Table(BatchScorerInterface):
    """A language model of bigrams."""

    def __init__(self) -> None:
        self.scores = log_softmax(np.random.RandomState(0).standard_normal((VOCABULARY, VOCABULARY)))

    def batch_score(self, ys, states, xs):
        return self.scores[ys[:, -1]], states


@pytest.fixture(scope="module")
def graphs(tmp_path_factory) -> dict[str, TorchGraph]:
    directory = tmp_path_factory.mktemp("modules")
    decoder, joint = (zoo_calls.module_for(zoo.ROWS[name], directory) for name in ("transducer-lstm", "joint-default"))
    joint.lin_out.weight.data *= SHARPNESS
    joint.lin_out.bias.data[0] += BLANK_BIAS
    return {component.name: TorchGraph(m, component) for m in (decoder, joint) for component in m.components()}


def search_of(graphs, beam_size: int, lm: Table | None = None, **options) -> BeamSearchTransducer:
    parts = (graphs["decoder_step"], graphs["joint_start"], graphs["joint_step"])
    return BeamSearchTransducer(*parts, beam_size, VOCABULARY, SOS, lm, LM_WEIGHT, TransducerOptions(**options))


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


def likelihood(search: BeamSearchTransducer, frames: np.ndarray, labels: list[int]) -> float:
    """Log-probability of a label sequence: the sum over all alignments (Graves 2012, equation 16)."""
    prefixes = list(itertools.accumulate(labels, search.prefixes.continued, initial=search.prefixes.start()))
    for prefix in prefixes:
        search.prefixes.read([prefix])
    log_probs = np.stack([search.log_probs(frame, prefixes) for frame in frames])
    alpha = np.full((len(frames) + 1, len(prefixes)), -np.inf)
    alpha[0, 0] = 0.0
    for t in range(len(frames)):
        for u in range(len(prefixes)):
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
        ({"expansion_gamma": "x"}, "expansion_gamma: expected a number of at least 0, found 'x'"),
        ({"score_norm": "no"}, "score_norm: expected True or False, found 'no'"),
    ],
)
def test_unknown_search_is_refused(graphs, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        search_of(graphs, 3, **options)
