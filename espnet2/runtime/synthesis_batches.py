"""Results of several texts: of the pieces of a long one, which are joined, and of a batch, which are gathered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from espnet2.interface.errors import DataError
from espnet2.runtime.graph_calls import Arrays, stacked

OF_TOKENS = ("duration", "pitch", "energy")
# Attention of a long text would have the tokens of all pieces for each of their frames.
ATTENTION, FOCUS = "att_w", "focus_rate"


def joined(results: Sequence[Arrays]) -> Arrays:
    """Results of the pieces of one text, one behind the other; of several, there is no attention."""
    if len(results) == 1:
        return results[0]
    names = [name for name in results[0] if name not in (ATTENTION, FOCUS)]
    found = {name: np.concatenate([one[name] for one in results]) for name in names}
    if FOCUS in results[0]:
        found[FOCUS] = np.mean([one[FOCUS] for one in results], dtype=results[0][FOCUS].dtype)
    return found


def rows_of(given: Mapping[str, tuple[Any, Any]], count: int) -> list[dict[str, Any]]:
    """Arguments of each of `count` texts, by name.

    Args:
        given: Arrays (count, ...), or None, with the numbers (count,) of what counts in each row, or None.

    Raises:
        DataError: An array of another number of rows.
    """
    rows: list[dict[str, Any]] = [{} for _ in range(count)]
    for name, (values, lengths) in given.items():
        if values is None:
            continue
        if len(values) != count or (lengths is not None and len(lengths) != count):
            raise DataError(f"{name}: expected one for each of {count} texts, found {len(values)}")
        for index, row in enumerate(rows):
            row[name] = values[index] if lengths is None else values[index][: int(lengths[index])]
    return rows


def gathered(results: Sequence[Arrays]) -> dict[str, Any]:
    """Results of several texts by name: padded arrays (B, U, ...) of tokens, lists of the others."""
    found: dict[str, Any] = {}
    for name in results[0] if results else ():
        values = [one[name] for one in results]
        found[name] = stacked(values, str(values[0].dtype)) if name in OF_TOKENS else values
    if "feat_gen" in found:
        found["feat_gen_lengths"] = np.array([len(feats) for feats in found["feat_gen"]])
    return found
