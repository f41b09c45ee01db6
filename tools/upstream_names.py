"""Modules of upstream ESPnet that moved, under their former names too: importing this lets tools run in any release.

Release 202609 moved `espnet.nets` and the BEATs encoder; without this, `from espnet.nets.beam_search import BeamSearch`
works in releases up to 202511 only.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {"espnet.nets": "espnet2.legacy.nets", "espnet2.asr.encoder.beats_encoder": "espnet2.beats.encoder"}


class Former(MetaPathFinder, Loader):
    """Imports modules under names that they had."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module that has moved; None for others."""
        return None if present_name(fullname) is None else importlib.util.spec_from_loader(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """The module under its present name, so that a class has one identity."""
        name = present_name(spec.name)
        return None if name is None else importlib.import_module(name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: it has run."""


def present_name(name: str) -> str | None:
    """What the module `name` is called since 202609; None where it has not moved."""
    for former, present in MOVED.items():
        if name == former or name.startswith(f"{former}."):
            return present + name.removeprefix(former)
    return None


# Behind the others: it is asked for what is not there.
sys.meta_path.append(Former())
