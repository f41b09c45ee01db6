"""The parts of the patch, in the order in which they are applied: a module each, with one object `PART`."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from tools.upstream_patch.part import Part

NAMES: tuple[str, ...] = ("masks", "encode", "rnn", "bias", "cache", "graphs", "export", "recipe")


def load_part(name: str) -> Part:
    """Import a part."""
    return importlib.import_module(f"{__name__}.{name}").PART


def with_required(names: Iterable[str]) -> list[Part]:
    """Return parts and those that they require, in their order."""
    chosen: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in chosen:
            chosen.add(name)
            pending += load_part(name).requires
    return [load_part(name) for name in NAMES if name in chosen]
