"""Store names of tensors that differ between upstream's releases and 202511, in `test/golden/state_names.json`.

Run it with the Python of an environment that holds a release of upstream ESPnet, from the repository's root:

    RELEASE/bin/python tools/make_state_names_golden.py

It builds the rows of `test/zoo.py` that the release can build, and replaces the release's section of the file: lists of
rows with the names that only 202511 has and those that only this release has.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "test" / "golden"
import upstream_names  # noqa: E402, F401

sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
sys.path.append(str(ROOT / "test"))

import zoo  # noqa: E402
import zoo_calls  # noqa: E402
import zoo_data  # noqa: E402

# Releases up to 0.10.6 build another model, since they do not know the choice `pit_espnet`.
LEFT_OUT = ("model-pit-single",)


def names_of(row: zoo_data.Row) -> list[str] | None:
    """Names of a state dict; None if this release cannot build the row."""
    try:
        with tempfile.TemporaryDirectory() as directory:
            return list(zoo_calls.build(row.make, Path(directory)).state_dict())
    except Exception as error:  # older releases fail with various errors
        print(f"{row.name}: {type(error).__name__}", file=sys.stderr)
        return None


def differences() -> list[dict]:
    """Groups of rows that differ in the same way."""
    groups: dict[str, dict] = {}
    for row in zoo.ROWS.values():
        found = None if row.name in LEFT_OUT else names_of(row)
        if found is None:
            continue
        with np.load(GOLDEN / f"{row.name}.npz") as arrays:
            known = json.loads(str(arrays["state"]))
        gone, new = [name for name in known if name not in found], [name for name in found if name not in known]
        if gone or new:
            groups.setdefault(json.dumps([gone, new]), {"gone": gone, "new": new, "rows": []})["rows"].append(row.name)
    return list(groups.values())


def main() -> None:
    path = GOLDEN / "state_names.json"
    stored = json.loads(path.read_text()) if path.is_file() else {}
    stored[version("espnet")] = differences()
    lines = [
        f"{json.dumps(release)}: [\n " + ",\n ".join(map(json.dumps, groups)) + "\n]"
        for release, groups in sorted(stored.items())
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
