"""Store whole decodes by upstream ESPnet of the cases of `test/s2t_cases.py`, in `test/golden/s2t_decodes.json`.

Run it with the Python of an environment that holds upstream ESPnet (and not this project), from the repository's root:

    ORACLE/bin/python tools/make_s2t_golden.py
    ORACLE/bin/python tools/make_s2t_golden.py --count 240 --output theirs.json     # more cases, elsewhere

With `--compare theirs.json`, this project's Python decodes the same cases and prints those that differ.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, help="cases (default: those that are stored)")
    parser.add_argument("--output", type=Path, default=ROOT / "test/golden/s2t_decodes.json")
    parser.add_argument("--compare", type=Path, help="results to compare with, instead of writing some")
    args = parser.parse_args()
    if args.compare is None:  # upstream's packages, and not those beside this file
        sys.path[:] = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
        sys.path.append(str(ROOT / "tools"))
        import upstream_names  # noqa: F401
    sys.path.append(str(ROOT / "test"))
    import s2t_cases

    torch.set_num_threads(1)
    expected = json.loads(args.compare.read_text()) if args.compare else {}
    expected.pop(s2t_cases.LAYERS, None)
    chosen = s2t_cases.cases(len(expected) or args.count or s2t_cases.STORED)
    found, differing = {}, 0
    with tempfile.TemporaryDirectory() as directory:
        if not expected:
            found[s2t_cases.LAYERS] = s2t_cases.layers(Path(directory) / "layers")
        config = s2t_cases.write(Path(directory))
        for case in chosen:
            recogniser = s2t_cases.recogniser(case, config)
            try:
                found[case.name] = s2t_cases.decoded(case, recogniser)
            except IndexError:  # of upstream's CTC where a text has more tokens than the recording has frames
                found[case.name] = None
            known = expected.get(case.name)
            text = s2t_cases.difference(known, found[case.name]) if known is not None else ""
            differing += bool(text)
            if text:
                print(case, text)
    if expected:
        unknown = sum(known is None for known in expected.values())
        print(f"{len(chosen)} cases, {unknown} of which upstream cannot decode; {differing} differ")
        return int(differing > 0)
    args.output.write_text(json.dumps(found, separators=(",", ":")) + "\n")
    print(f"{len(chosen)} cases, {args.output.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
