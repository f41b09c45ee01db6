"""Measurements of many cases by upstream ESPnet, and comparisons of this project with them."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def find_packages(upstream: bool) -> None:
    """Let Python find the modules of tests, and upstream's packages instead of those beside this file."""
    if upstream:
        sys.path[:] = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
        sys.path.append(str(ROOT / "tools"))
        import upstream_names  # noqa: F401
    sys.path.append(str(ROOT / "test"))


def measured(cases: Sequence[Any], measure: Callable[[Any, Path], Any]) -> dict[str, Any]:
    """Measurements of the cases by their names; of those that fail, the reason."""
    found = {}
    with tempfile.TemporaryDirectory() as directory:
        for case in cases:
            try:
                found[case.name] = measure(case, Path(directory) / case.name)
            except Exception as error:
                traceback.print_exc()
                found[case.name] = f"{type(error).__name__}: {error}"[:300]
    return json.loads(json.dumps(found))


def compared(expected: Mapping[str, Any], found: Mapping[str, Any]) -> int:
    """Print what differs in measurements that both have; return the exit status."""
    import zoo_training_calls

    differing = 0
    for name, theirs in expected.items():
        ours = found[name]
        if isinstance(theirs, str):
            print(f"{name}: upstream fails: {theirs}; here: {ours if isinstance(ours, str) else 'results'}")
            continue
        common = {key: value for key, value in theirs.items() if isinstance(ours, str) or key in ours}
        text = ours if isinstance(ours, str) else zoo_training_calls.difference(common, ours)
        differing += bool(text)
        if text:
            print(f"{name}{text}")
    print(f"{len(expected)} cases; {differing} differ")
    return int(differing > 0)


def write(path: Path, found: Mapping[str, Any]) -> None:
    """Write measurements with seven digits."""
    path.write_text(json.dumps(_rounded(found), separators=(",", ":")) + "\n")
    print(f"{len(found)} cases, {path.stat().st_size} bytes")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value
