"""End detection against upstream's answers."""

import json
from pathlib import Path

import pytest

from espnet.nets.e2e_asr_common import end_detect

CASES = json.loads((Path(__file__).parents[2] / "golden" / "search" / "cases.json").read_text())["end_detect"]


def test_answers_equal_upstreams():
    assert {case["stop"] for case in CASES} == {True, False}
    for case in CASES:
        assert end_detect(case["ended"], case["i"]) is case["stop"], case


@pytest.mark.parametrize(("M", "D_end", "stop"), [(1, -10.0, True), (2, -10.0, False), (1, -30.0, False)])
def test_options(M, D_end, stop):
    ended = [{"yseq": [0] * 2, "score": -1.0}, {"yseq": [0] * 5, "score": -20.0}]
    assert end_detect(ended, 5, M, D_end) is stop
