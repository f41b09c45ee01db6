"""Every architecture and option set that must equal upstream ESPnet, one row each.

A row names a class by upstream's module path, its constructor keywords, how its inputs are drawn and how it is called.
Nothing here needs more than numpy, and rows refer to classes by name, so that the same table builds upstream's modules
(`tools/make_golden.py`, which stores their outputs under `test/golden/`) and ours (`test_zoo.py`, which compares).

Each family of architectures has a table of its own, a module `zoo_*.py` with

- `ROWS`: its rows;
- `SAME_GRAPH`: names of rows whose graph is made of parts that other rows export, with other sizes or constants, or
  under the name of another option: they go through PyTorch only, since an export takes seconds;
- `NO_GRAPH`: names of rows that read or give what graphs do not have;
- `LONG`: names of rows that run at 1500 and 6000 frames too;
- `REFUSED`: a row's name, options that its class must refuse, and what the sentence says;
- `ROUND_TRIP`: a tiny model of a task, which goes from checkpoint through bundle to result
  (`test_families_complete.py`);
- `UNAVAILABLE`: a class that nothing can be built of, options, and what the sentence says.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from zoo_data import Config, Row

# Of the modules called `zoo_*`, those with `ROWS`, found without importing the others, which need PyTorch.
FAMILIES = [
    importlib.import_module(path.stem)
    for path in sorted(Path(__file__).parent.glob("zoo_*.py"))
    if re.search(r"^ROWS\b", path.read_text(encoding="utf-8"), re.MULTILINE)
]


def _all(name: str) -> set[str]:
    return set().union(*(getattr(family, name, ()) for family in FAMILIES))


ROWS: dict[str, Row] = {row.name: row for family in FAMILIES for row in family.ROWS}
SAME_GRAPH, NO_GRAPH, LONG = map(_all, ("SAME_GRAPH", "NO_GRAPH", "LONG"))
REFUSED: list[tuple[str, dict, str]] = [case for family in FAMILIES for case in getattr(family, "REFUSED", ())]
UNAVAILABLE: list[tuple[str, dict, str]] = [case for family in FAMILIES for case in getattr(family, "UNAVAILABLE", ())]
ROUND_TRIP: dict[str, Config] = {
    task: model for family in FAMILIES for task, model in getattr(family, "ROUND_TRIP", {}).items()
}
