"""A git checkout of upstream: each part becomes a commit."""

from __future__ import annotations

import os
import subprocess
import tempfile
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.upstream_patch.checkout import Checkout, Step
from tools.upstream_patch.errors import PatchError
from tools.upstream_patch.part import Part

WIDTH = 72  # of lines of a commit message
REVERT = 'Revert "{}"'  # subject that git gives


class GitCheckout(Checkout):
    """A git checkout without local changes.

    The commits are made beside the working tree and become the branch's in one fast-forward merge, so that nothing is
    half done where one fails.
    """

    def check(self, paths: Sequence[str]) -> None:
        local = self._git("status", "--porcelain", "--untracked-files=no").splitlines()
        if local:
            raise PatchError(
                f"{self.root}: expected a checkout without local changes, found {len(local)} changed files, such as "
                f"{local[0][3:]}; commit or stash them"
            )
        for path in paths:
            if (self.root / path).exists() and not self._git("ls-files", "--", path):
                raise PatchError(f"{self.root / path}: expected no such file, found one that git does not track")

    def write(self, steps: Sequence[Step]) -> None:
        self._identity()
        with tempfile.TemporaryDirectory() as directory:
            commit = self._git("rev-parse", "HEAD")
            index = {"GIT_INDEX_FILE": str(Path(directory) / "index")}
            self._git("read-tree", commit, env=index)
            for step in steps:
                for path, text in step.changes.items():
                    blob = self._git("hash-object", "-w", "--stdin", "--path", path, text=text)
                    entry = f"{self._mode(path)},{blob},{path}"
                    self._git("update-index", "--add", "--cacheinfo", entry, env=index)
                tree = self._git("write-tree", env=index)
                commit = self._git("commit-tree", tree, "-p", commit, text=message_of(step.part))
        self._git("merge", "--quiet", "--ff-only", commit)

    def revert(self, parts: Sequence[Part]) -> list[str]:
        titles = {part.title: part.name for part in parts}
        commits = self._commits(titles)
        if not commits:
            return []
        self._identity()
        changed = [self._git("show", "--format=", "--name-only", commit).splitlines() for commit, _ in commits]
        paths = sorted({path for names in changed for path in names})
        self.check(paths)
        self.check_writable(paths)
        try:
            self._git("revert", "--no-edit", *(commit for commit, _ in commits))
        except PatchError as error:
            self._git("revert", "--abort")
            raise PatchError(f"{self.root}: expected the patch to revert, found later changes of its lines") from error
        return [titles[title] for _, title in commits]

    def _commits(self, titles: Mapping[str, str]) -> list[tuple[str, str]]:
        """Commits of parts that are not reverted, and their titles, newest first."""
        reverted: Counter[str] = Counter()
        found = []
        for line in self._git("log", "--first-parent", "--format=%H %s", "HEAD").splitlines():
            commit, _, subject = line.partition(" ")
            for title in titles:
                reverted[title] += subject == REVERT.format(title)
                if subject == title and reverted[title]:
                    reverted[title] -= 1
                elif subject == title:
                    found.append((commit, title))
        return found

    def _mode(self, path: str) -> str:
        file = self.root / path
        script = file.stat().st_mode & 0o100 if file.exists() else path.endswith(".sh")
        return "100755" if script else "100644"

    def _identity(self) -> None:
        try:
            self._git("var", "GIT_COMMITTER_IDENT")
        except PatchError as error:
            raise PatchError(f"{self.root}: expected git's user.name and user.email, found none") from error

    def _git(self, *arguments: str, text: str | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run git in the checkout; returns what it prints, without the last newline.

        Raises:
            PatchError: git fails.
        """
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**os.environ, "LC_ALL": "C", **(env or {})},
            input=b"" if text is None else text.encode(),
            capture_output=True,
        )
        if done.returncode:
            found = " ".join(done.stderr.decode(errors="replace").split())
            raise PatchError(f"{self.root}: expected git {arguments[0]} to work, found: {found}")
        return done.stdout.decode(errors="replace").rstrip("\n")


def message_of(part: Part) -> str:
    """The commit message: subject, empty line, paragraphs of the body."""
    paragraphs = [textwrap.fill(" ".join(text.split()), WIDTH) for text in part.body.strip().split("\n\n")]
    return "\n\n".join([part.title, *paragraphs]) + "\n"
