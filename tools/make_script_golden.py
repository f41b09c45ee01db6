"""Store upstream ESPnet's results for the calls of `test/script_cases.py`, as `test/golden/scripts.json`.

Run it with the Python of an environment that holds upstream ESPnet (and not this project), from the repository's root:

    ORACLE/bin/python tools/make_script_golden.py

`ORACLE` holds release 202611. A second run writes the same bytes.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path = [entry for entry in sys.path if Path(entry or os.curdir).resolve() not in (ROOT, ROOT / "tools")]
sys.path.append(str(ROOT / "test"))
warnings.simplefilter("ignore")

import script_cases  # noqa: E402


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        found = {name: case() for name, case in script_cases.CASES.items()}
    lines = [f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in found.items()]
    (ROOT / "test" / "golden" / "scripts.json").write_text("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
