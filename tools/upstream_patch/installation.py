"""ESPnet as pip installed it, or a checkout without git: the original files are kept for `revert`."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.upstream_patch.checkout import Checkout, Step
from tools.upstream_patch.errors import PatchError
from tools.upstream_patch.part import Part

KEPT = ".upstream_patch"  # directory below the root; a folder of originals for each part, and the manifest
MANIFEST = "manifest.json"


class Installation(Checkout):
    """A directory of modules without git.

    Its manifest lists the applied parts, oldest first, with the digests of the files that each has written.
    """

    def check(self, paths: Sequence[str]) -> None:
        self._check({path: {found} for path, found in {**self._recorded(), **self._written()}.items()}, paths)

    def _check(self, expected: Mapping[str, set[str]], paths: Sequence[str]) -> None:
        for path in paths:
            file = self.root / path
            if file.exists() and path in expected and digest(file) not in expected[path]:
                raise PatchError(f"{file}: expected it as it was installed, found local changes")

    def write(self, steps: Sequence[Step]) -> None:
        manifest = self._manifest()
        originals: dict[str, bytes | None] = {}
        for step in steps:
            for path in step.changes:
                file = self.root / path
                originals.setdefault(path, file.read_bytes() if file.is_file() else None)
        before: dict[str, bytes | None] = dict(originals)
        with tempfile.TemporaryDirectory(dir=self.root, prefix=KEPT) as directory:
            for step in steps:
                kept = Path(directory) / step.part.name
                files = {}
                for path, text in step.changes.items():
                    _keep(kept / path, before[path])
                    before[path] = text.encode()
                    files[path] = hashlib.sha256(text.encode()).hexdigest()
                manifest.append({"part": step.part.name, "files": files})
            for step in steps:
                _move(Path(directory) / step.part.name, self.root / KEPT / step.part.name)
        # The originals are in their place before a file changes: `revert` undoes what an interruption leaves half done.
        self._write_manifest(manifest)
        try:
            _replace_files(self.root, before, originals)
        except BaseException:
            self._forget(manifest, len(steps))
            raise

    def revert(self, parts: Sequence[Part]) -> list[str]:
        manifest = self._manifest()
        if not manifest:
            return []
        paths = sorted({path for entry in manifest for path in entry["files"]})
        self._check(self._accepted(manifest), paths)
        self.check_writable(paths)
        present = {path: _bytes(self.root / path) for path in paths}
        before = dict(present)
        for entry in reversed(manifest):
            for path in entry["files"]:
                before[path] = _bytes(self.root / KEPT / entry["part"] / path)
        _replace_files(self.root, before, present)
        shutil.rmtree(self.root / KEPT)
        return [entry["part"] for entry in reversed(manifest)]

    def _manifest(self) -> list[dict[str, Any]]:
        file = self.root / KEPT / MANIFEST
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []

    def _write_manifest(self, manifest: list[dict[str, Any]]) -> None:
        (self.root / KEPT / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")

    def _forget(self, manifest: list[dict[str, Any]], steps: int) -> None:
        """Remove the last entries of the manifest, and their originals."""
        for entry in manifest[-steps:]:
            shutil.rmtree(self.root / KEPT / entry["part"])
        self._write_manifest(manifest[:-steps])
        if not manifest[:-steps]:
            shutil.rmtree(self.root / KEPT)

    def _accepted(self, manifest: list[dict[str, Any]]) -> dict[str, set[str]]:
        """Digests of files as the last part wrote them, or as they were before one, where writing has ended early."""
        accepted = {path: {found} for path, found in self._written().items()}
        for entry in manifest:
            for path in entry["files"]:
                kept = self.root / KEPT / entry["part"] / path
                accepted[path] |= {digest(kept)} if kept.is_file() else set()
        return accepted

    def _written(self) -> Mapping[str, str]:
        return {path: found for entry in self._manifest() for path, found in entry["files"].items()}

    def _recorded(self) -> Mapping[str, str]:
        """Digests of the files as pip recorded them on installation."""
        recorded = {}
        for record in self.root.glob("espnet-*.dist-info/RECORD"):
            with record.open(encoding="utf-8", newline="") as lines:
                for path, found, *_ in csv.reader(lines):
                    method, _, value = found.partition("=")
                    if method == "sha256":
                        recorded[path] = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
        return recorded


def digest(file: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _keep(file: Path, content: bytes | None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if content is not None:
        file.write_bytes(content)


def _move(kept: Path, place: Path) -> None:
    place.parent.mkdir(exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    kept.mkdir(exist_ok=True)
    kept.rename(place)


def _replace_files(root: Path, new: Mapping[str, bytes | None], old: Mapping[str, bytes | None]) -> None:
    """Write or remove files; where one fails, put the others back."""
    done: list[str] = []
    try:
        for path, content in new.items():
            done.append(path)
            _replace(root / path, content)
    except BaseException:  # an interruption, too
        for path in done:
            _replace(root / path, old[path])
        raise


def _replace(file: Path, content: bytes | None) -> None:
    """Replace a file by a new one, since several environments may share the old one by hard links."""
    if content is None:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.new")
    beside.write_bytes(content)
    if file.exists():
        shutil.copymode(file, beside)
    os.replace(beside, file)
