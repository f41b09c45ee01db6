"""Random models of languages and classes against upstream's results, losses and gradients.

`tools/make_map_golden.py` compares more of them.
"""

import json
from pathlib import Path

import map_cases
import pytest
from zoo_training_calls import difference

GOLDEN = json.loads((Path(__file__).parents[2] / "golden/maps.json").read_text(encoding="utf-8"))
CASES = map_cases.cases(map_cases.STORED)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_models_equal_upstream(case, tmp_path):
    found = map_cases.condensed(map_cases.measured(case, tmp_path / "model"))
    assert not difference(GOLDEN[case.name], found)


def test_every_golden_has_a_case():
    assert list(GOLDEN) == [case.name for case in CASES]
