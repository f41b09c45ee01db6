"""Upstream's two layouts: release 202609 moved `espnet.nets` and its siblings into `espnet2.legacy`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# Present name of a module or package, and its former one.
MOVED = {
    "espnet2.legacy.nets": "espnet.nets",
    "espnet2.legacy.transform": "espnet.transform",
    "espnet2.legacy.utils": "espnet.utils",
    "espnet2.beats.encoder": "espnet2.asr.encoder.beats_encoder",
}
# The same of paths; tests of the legacy packages lay directly below `test/`.
MOVED_PATHS = {
    **{present.replace(".", "/"): former.replace(".", "/") for present, former in MOVED.items()},
    "test/espnet2/legacy": "test",
}


@dataclass(frozen=True)
class Layout:
    """Where a checkout has its modules.

    Attributes:
        moved: True from release 202609 on.
    """

    moved: bool

    @classmethod
    def of(cls, root: Path) -> Layout:
        """Find out the layout of a checkout."""
        return cls((root / "espnet2" / "legacy" / "nets").is_dir())

    def path(self, path: str) -> str:
        """Translate a path, or a glob pattern, of the newest layout."""
        return path if self.moved else _renamed(path, MOVED_PATHS, r"(?=[/.]|$)")

    def text(self, text: str) -> str:
        """Translate the names of modules in code of the newest layout."""
        return text if self.moved else _renamed(text, MOVED)

    def file_of(self, function: str) -> str:
        """Return the path of the module in which `package.module:function` is."""
        return self.path(function.partition(":")[0].replace(".", "/") + ".py")


def newest(text: str) -> str:
    """Translate the names of modules in code of any layout to those of the newest."""
    return _renamed(text, {former: present for present, former in MOVED.items()})


def _renamed(text: str, names: dict[str, str], end: str = r"\b") -> str:
    pattern = "|".join(map(re.escape, names))
    return re.sub(rf"(?<![\w./])({pattern}){end}", lambda match: names[match[1]], text)
