"""A part of the patch, which becomes one commit: functions to replace, call sites to change, files to add.

Names and paths are those of upstream's newest layout (`espnet2.legacy.nets`); `layout.py` translates them, and the
text of sources, for releases before 202609 (`espnet.nets`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parent / "sources"
PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Transform:
    """A change of call sites by pattern.

    Attributes:
        files: glob patterns of paths below the checkout, such as `espnet2/asr/**/*.py`.
        marker: regular expression; files in which it is not found are skipped.
        change: of a Python file, a function from its `libcst.Module` to the changed one; of any other, from text to
            text. Where there is nothing to change, as after the first time, it returns an equal one.
        applied: regular expression of files that it has changed, where the part has nothing else that tells.
    """

    files: tuple[str, ...]
    marker: str
    change: Callable[[Any], Any]
    applied: str = ""


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the patch.

    Attributes:
        name: what `--part` calls it.
        title: subject of its commit; `revert` finds the commit by it.
        body: the rest of the commit message; paragraphs are folded anew.
        replacements: by function (`package.module:function`, `package.module:Class.method`), a file in
            `sources/<name>/` that has a function of that name. Decorators, docstring and, where parameters have the
            same names, the signature of the replaced function are kept. Functions of the file that replace none are
            helpers, added in front of the first that does; its imports are added. Where releases need different
            functions, a mapping from the first release that a file is meant for.
        removals: functions that nothing uses any more; one that is still named in another place is kept.
        transforms: changes of call sites.
        additions: by path below the checkout, a file in `sources/<name>/`, or a module of this project. Those below
            `test/`, `ci/` or another directory that the checkout lacks are left out.
        requires: names of parts that are applied before.
    """

    name: str
    title: str
    body: str
    replacements: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)
    removals: tuple[str, ...] = ()
    transforms: tuple[Transform, ...] = ()
    additions: Mapping[str, str] = field(default_factory=dict)
    requires: tuple[str, ...] = ()

    def source(self, file: str) -> str:
        """Read a file of `sources/<name>/`, or a module of this project, whose path begins with its package."""
        ours = file.startswith(("espnet/", "espnet2/"))
        return (PROJECT / file if ours else SOURCES / self.name / file).read_text(encoding="utf-8")

    def source_of(self, function: str, release: str) -> str:
        """Read the file that replaces `function` in a release."""
        files = self.replacements[function]
        if isinstance(files, str):
            return self.source(files)
        return self.source(files[max(first for first in files if first <= release)])

    @property
    def functions(self) -> tuple[str, ...]:
        """Functions that it replaces or removes: those that need a fingerprint."""
        return (*self.replacements, *self.removals)
