"""Translators against upstream's decodes and losses, and their commands, on PyTorch; bundles are compared elsewhere."""

import json
from pathlib import Path

import pytest
import translation_cases

GOLDEN = json.loads((Path(__file__).parents[2] / "golden/translation.json").read_text())
# Upstream fails on source texts that fill their patches, behind the start symbol.
CASES = [
    case
    for case in (*translation_cases.cases(translation_cases.STORED), *translation_cases.further_cases())
    if isinstance(GOLDEN["decodes"][case.name], list)
]


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("models")
    translation_cases.write(directory)
    return directory


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.name}-{case.model}") for case in CASES])
def test_decodes_equal_upstream(case, directory):
    found = translation_cases.decoded(case, translation_cases.translator(case, directory))
    assert not translation_cases.difference(GOLDEN["decodes"][case.name], found)


@pytest.mark.parametrize("name", GOLDEN["losses"])
def test_losses_equal_upstream(name, directory):
    assert not translation_cases.distance(GOLDEN["losses"][name], translation_cases.losses(name, directory))
