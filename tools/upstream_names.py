"""Former names of upstream ESPnet's moved modules; tools that import this run with any release.

Release 202609 moved `espnet.nets` and the BEATs encoder; without this, `from espnet.nets.beam_search import BeamSearch`
works in releases up to 202511 only. The generator of discrete units is that of the package parallel_wavegan.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import scipy.signal
import scipy.signal.windows

MOVED = {
    "espnet.nets": "espnet2.legacy.nets",
    "espnet2.asr.encoder.beats_encoder": "espnet2.beats.encoder",
    "espnet2.gan_tts.hifigan.discrete_symbol": "parallel_wavegan.models",
}


class Former(MetaPathFinder, Loader):
    """Importer of modules under their former names."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module that has moved; None for others."""
        return None if present_name(fullname) is None else importlib.util.spec_from_loader(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Import the module under its present name, so that a class has one identity."""
        name = present_name(spec.name)
        return None if name is None else importlib.import_module(name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module has been executed."""


def present_name(name: str) -> str | None:
    """Name of the module `name` since 202609; None if it has not moved."""
    for former, present in MOVED.items():
        if name == former or name.startswith(f"{former}."):
            return present + name.removeprefix(former)
    return None


scipy.signal.kaiser = scipy.signal.windows.kaiser  # where the package parallel_wavegan looks for it
# Last, so that only missing modules are looked up.
sys.meta_path.append(Former())
