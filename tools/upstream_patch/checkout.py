"""Upstream's files: a git checkout or the directory that ESPnet is installed in."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.upstream_patch.errors import PatchError
from tools.upstream_patch.fingerprint import known_releases
from tools.upstream_patch.layout import Layout
from tools.upstream_patch.part import Part

Changes = Mapping[str, str]  # new text by path below the root
SKIPPED = {".git", ".upstream_patch", "__pycache__", "node_modules", ".venv", "venv", "tools"}


@dataclass(frozen=True)
class Step:
    """The changes of one part."""

    part: Part
    changes: Changes


@dataclass
class Tree:
    """Texts of a checkout's files, with changes that are not written yet."""

    root: Path
    changed: dict[str, str] = field(default_factory=dict)

    def read(self, path: str) -> str | None:
        """Read a file; None if there is none."""
        if path in self.changed:
            return self.changed[path]
        file = self.root / path
        if not file.is_file():
            return None
        try:
            return file.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise PatchError(f"{file}: expected UTF-8 text, found other bytes") from error

    def has_place(self, path: str) -> bool:
        """Tell whether a new file belongs here: the directory below the root is there."""
        return (self.root / path.partition("/")[0]).is_dir()

    def matching(self, pattern: str) -> Iterator[str]:
        """Find the files of a glob pattern, in order."""
        if not any(character in pattern for character in "*?["):
            yield from [pattern] if self.read(pattern) is not None else []
            return
        fixed = re.match(r"[^*?\[]*/|", pattern)
        start = self.root / (fixed[0] if fixed else "")
        found = [path for path in self.changed if fnmatch.fnmatch(path, pattern)]
        for directory, names, files in os.walk(start):
            names[:] = [name for name in names if name not in SKIPPED]
            paths = [(Path(directory) / name).relative_to(self.root).as_posix() for name in files]
            found += [path for path in paths if fnmatch.fnmatch(path, pattern)]
        yield from sorted(set(found))


class Checkout(ABC):
    """A checkout that can be patched.

    Attributes:
        root: directory that has `espnet2/`.
        release: upstream's release.
        layout: where its modules are.
    """

    def __init__(self, root: Path, release: str) -> None:
        self.root, self.release, self.layout = root, release, Layout.of(root)

    @abstractmethod
    def check(self, paths: Sequence[str]) -> None:
        """Raise `PatchError` if these files have changes of the user's."""

    @abstractmethod
    def write(self, steps: Sequence[Step]) -> None:
        """Write all steps or, where one fails, none."""

    @abstractmethod
    def revert(self, parts: Sequence[Part]) -> list[str]:
        """Undo the parts that are applied, or none where one fails; returns their names."""

    def check_writable(self, paths: Sequence[str]) -> None:
        """Raise `PatchError` if one of these files cannot be replaced."""
        for path in paths:
            file = self.root / path
            directory = next(parent for parent in file.parents if parent.is_dir())
            for place in (file, directory) if file.exists() else (directory,):
                if not place.stat().st_mode & stat.S_IWUSR or not os.access(place, os.W_OK):
                    raise PatchError(f"{place}: expected it to be writable, found it read-only; nothing was changed")


def open_checkout(directory: str | Path) -> Checkout:
    """Recognise a checkout.

    Raises:
        PatchError: It is none, or of an unknown release.
    """
    from tools.upstream_patch.git_checkout import GitCheckout
    from tools.upstream_patch.installation import Installation

    root = Path(directory).resolve()
    if not (root / "espnet2").is_dir():
        raise PatchError(
            f"{directory}: expected a checkout of ESPnet, or the site-packages directory that it is installed in; "
            "found no espnet2/ there"
        )
    release = find_release(root)
    known = known_releases()
    if release not in known:
        raise PatchError(f"{directory}: expected ESPnet {known[0]} to {known[-1]}, found {release}")
    return (GitCheckout if (root / ".git").exists() else Installation)(root, release)


def find_release(root: Path) -> str:
    """Find a checkout's release; post-releases count as the release."""
    for file, pattern in (
        (root / "espnet" / "version.txt", r"\A\s*(\S+)"),
        (root / "pyproject.toml", r'^version\s*=\s*"([^"]+)"'),
        *((file, r"^Version: *(\S+)") for file in sorted(root.glob("espnet-*.dist-info/METADATA"))),
    ):
        found = re.search(pattern, file.read_text(encoding="utf-8"), re.MULTILINE) if file.is_file() else None
        if found:
            return re.sub(r"\.?(post|a|b|rc|dev)\d*$", "", found[1])
    return "no release number"
