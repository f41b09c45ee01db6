"""Write `fingerprints.yaml`: which code the functions have that the patch replaces, in which releases.

    pip download --no-deps --ignore-requires-python --dest WHEELS espnet==202511
    python -m tools.upstream_patch.make_fingerprints WHEELS/espnet-*.whl

Only digests are kept, nothing of upstream's code. The file is written anew: name the wheels of all releases.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

import yaml

from tools.upstream_patch import parts
from tools.upstream_patch.fingerprint import TABLE, fingerprint, functions_of
from tools.upstream_patch.layout import Layout


def prints_of(wheel: Path, functions: set[str]) -> dict[str, str]:
    """Fingerprints of those functions that a wheel has."""
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
        layout = Layout(any(name.startswith("espnet2/legacy/nets/") for name in files))
        places = {function: layout.file_of(function) for function in functions}
        texts = {path: archive.read(path).decode() for path in places.values() if path in files}
    found = {}
    for function, path in places.items():
        node = functions_of(texts.get(path, "")).get(function.rpartition(":")[2])
        if node is not None:
            found[function] = fingerprint(node)
    return found


def main() -> None:
    functions = {function for name in parts.NAMES for function in parts.load_part(name).functions}
    table: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    releases = {}
    for wheel in map(Path, sys.argv[1:]):
        releases[re.split("-", wheel.name)[1]] = wheel
    for release, wheel in sorted(releases.items()):
        for function, found in prints_of(wheel, functions).items():
            table[function][found].append(release)
    ordered = {function: dict(table[function]) for function in sorted(table)}
    head = "# Made by make_fingerprints.py: digests of upstream's functions, and the releases that have them.\n"
    text = yaml.safe_dump({"releases": sorted(releases), "functions": ordered}, sort_keys=False, width=120)
    TABLE.write_text(head + text, encoding="utf-8")
    missing = sorted(functions - set(ordered))
    print(
        f"{len(ordered)} functions of {len(releases)} releases"
        + (f"; in none: {', '.join(missing)}" if missing else "")
    )


if __name__ == "__main__":
    main()
