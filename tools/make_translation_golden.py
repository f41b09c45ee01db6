"""Store whole decodes and training losses by upstream ESPnet of the cases of `test/translation_cases.py`, in
`test/golden/translation.json`.

Run it with the Python of an environment that holds upstream ESPnet (and not this project), from the repository's root:

    ORACLE/bin/python tools/make_translation_golden.py
    ORACLE/bin/python tools/make_translation_golden.py --count 400 --output theirs.json     # more cases, elsewhere

With `--compare theirs.json`, this project's Python decodes the same cases and prints those that differ.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, help="cases (default: those that are stored)")
    parser.add_argument("--output", type=Path, default=ROOT / "test/golden/translation.json")
    parser.add_argument("--compare", type=Path, help="results to compare with, instead of writing some")
    args = parser.parse_args()
    if args.compare is None:  # upstream's packages, and not those beside this file
        sys.path[:] = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
        sys.path.append(str(ROOT / "tools"))
        import upstream_names  # noqa: F401
    sys.path.append(str(ROOT / "test"))
    import translation_cases

    torch.set_num_threads(1)
    if args.compare is not None:
        return _compare(translation_cases, json.loads(args.compare.read_text()))
    with tempfile.TemporaryDirectory() as directory:
        translation_cases.write(Path(directory))
        cases = translation_cases.cases(args.count or translation_cases.STORED) + translation_cases.further_cases()
        found = {
            "decodes": {case.name: _decoded(translation_cases, case, Path(directory)) for case in cases},
            "losses": {name: _losses(translation_cases, name, Path(directory)) for name in translation_cases.LOSSES},
        }
    args.output.write_text(json.dumps(found, separators=(",", ":")) + "\n")
    print(f"{len(found['decodes'])} decodes, {args.output.stat().st_size} bytes")
    return 0


def _decoded(cases: Any, case: Any, directory: Path) -> Any:
    """The results of a case, or the name of the error."""
    try:
        return cases.decoded(case, cases.translator(case, directory))
    except Exception as error:  # upstream's search fails in many ways
        print(f"{case}: {type(error).__name__}: {error}", file=sys.stderr)
        return type(error).__name__


def _losses(cases: Any, name: str, directory: Path) -> Any:
    """Losses of a model, or the name of the error."""
    try:
        return cases.losses(name, directory, _with_two_outputs)
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        return type(error).__name__


def _with_two_outputs(model: Any) -> None:
    """Give what encodes texts the outputs that upstream's model takes, which are those of no encoder of upstream's."""
    encoder = getattr(model, "extra_mt_encoder", None)
    if encoder is not None and type(model).__module__.startswith("espnet2") and not hasattr(model, "parts"):
        encoder.register_forward_hook(lambda module, given, found: found[:2])


def _compare(cases: Any, expected: Any) -> int:
    differing = 0
    with tempfile.TemporaryDirectory() as directory:
        cases.write(Path(directory))
        further = cases.further_cases()
        for case in cases.cases(len(expected["decodes"]) - len(further)) + further:
            known = expected["decodes"][case.name]
            found = _decoded(cases, case, Path(directory))
            text = cases.difference(known, found) if isinstance(known, list) else ""
            differing += bool(text)
            if text:
                print(case, text)
        for name, known in expected["losses"].items():
            found = _losses(cases, name, Path(directory))
            text = cases.distance(known, found) if isinstance(known, dict) else ""
            differing += bool(text)
            if text:
                print(f"{name}: {text}")
    unknown = sum(not isinstance(known, list) for known in expected["decodes"].values())
    print(f"{len(expected['decodes'])} decodes, {unknown} of which upstream cannot make; {differing} differ")
    return int(differing > 0)


if __name__ == "__main__":
    raise SystemExit(main())
