"""Decode with tiny random models of OWSM-CTC's kind, by upstream ESPnet or by this project, and compare the results.

From the repository's root, with the Python of an environment that holds upstream ESPnet (and not this project):

    ORACLE/bin/python tools/make_s2t_ctc_golden.py              # the cases of test/golden/s2t_ctc.json, by release
    ORACLE/bin/python tools/make_s2t_ctc_golden.py every.json   # all cases of test/s2t_ctc_cases.py

With this project, `PYTHONPATH=. python tools/make_s2t_ctc_golden.py every.json --compare` prints how many answers of
release 202611 in that file are also ours; with `--former` those of release 202511, which reads buffers in another way.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "test" / "golden" / "s2t_ctc.json"
TOLERANCE = 2e-3  # of scores, which are rounded
if "--compare" not in sys.argv:
    import upstream_names  # noqa: F401 - before its directory leaves the path

    sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
sys.path.append(str(ROOT / "test"))

import s2t_ctc_cases as cases  # noqa: E402
import torch  # noqa: E402


def same(expected: Any, found: Any) -> bool:
    """Whether two answers are equal, up to rounding of scores."""
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, abs_tol=TOLERANCE)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(same, expected, found))
    return bool(expected == found)


def compare(path: Path, former: bool) -> None:
    """Print the cases whose answers in a file are not ours, and the number of the others."""
    expected = json.loads(path.read_text())
    with tempfile.TemporaryDirectory() as directory:
        release = "202511" if former else "202611"
        chosen = [case for case in cases.CASES if case.name in expected and case.search != cases.LEFT_OUT[release]]
        found = dict(cases.answers(chosen, Path(directory), keep_prompt_frames=former))
    wrong = [name for name in found if not same(expected[name], json.loads(json.dumps(found[name])))]
    for name in wrong:
        print(f"{name}\n  expected {expected[name]}\n  found    {found[name]}"[:600])
    print(f"{len(found) - len(wrong)} of {len(found)} equal")


def main(arguments: list[str]) -> None:
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    names = [argument for argument in arguments if not argument.startswith("--")]
    if "--compare" in arguments:
        compare(Path(names[0]), "--former" in arguments)
        return
    with tempfile.TemporaryDirectory() as directory:
        found = dict(cases.answers(cases.CASES if names else cases.STORED[version("espnet")], Path(directory)))
    if names:
        Path(names[0]).write_text(json.dumps(found, indent=0) + "\n")
        return
    stored = json.loads(GOLDEN.read_text()) if GOLDEN.is_file() else {}
    stored[version("espnet")] = found
    GOLDEN.write_text(json.dumps(stored, indent=0, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
