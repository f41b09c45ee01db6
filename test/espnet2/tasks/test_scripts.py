"""Functions for scripts equal upstream's."""

import json

import pytest
import script_cases


@pytest.fixture(scope="module")
def golden(repo_dir):
    return json.loads((repo_dir / "test" / "golden" / "scripts.json").read_text())


def approximate(value):
    """Numbers to 1e-6; lists and mappings of them."""
    if isinstance(value, dict):
        return {name: approximate(item) for name, item in value.items()}
    if isinstance(value, list):
        return [approximate(item) for item in value]
    return pytest.approx(value, rel=1e-6, abs=1e-9) if isinstance(value, float) else value


@pytest.mark.parametrize("case", script_cases.CASES)
def test_calls_give_upstreams_values(golden, case, tmp_path, monkeypatch):
    if case == "asr_align":
        pytest.importorskip("ctc_segmentation")
    monkeypatch.chdir(tmp_path)
    found = json.loads(json.dumps(script_cases.CASES[case]()))
    assert found == approximate(golden[case])
