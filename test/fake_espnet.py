"""A few files in the shape of upstream ESPnet, and parts of a patch for them, for tests of `tools.upstream_patch`."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import libcst as cst

from tools.upstream_patch.fingerprint import fingerprint, functions_of
from tools.upstream_patch.part import Part, Transform

MASKS = '''"""Masks."""

import numpy
import torch


def helper_of_old(x):
    return numpy.asarray(x)


def mask(lengths, longest=None):
    """Upstream's words."""
    return helper_of_old(lengths)


def other(x):
    # its comment
    return torch.relu(x)
'''
LAYER = '''"""A layer."""

from espnet2.legacy.nets.masks import mask


class Layer:
    """Upstream's layer."""

    @staticmethod
    def twice(x):
        """Upstream's method."""
        return x + x

    def scale(self, x):
        x = x.float()
        x *= 2
        return x
'''
OUR_MASKS = '''"""Ours."""

import math


def with_reference(lengths, x):
    """Mark x."""
    return math.ceil(lengths)


def mask(lengths, longest=None):
    """Our words."""
    return with_reference(lengths, longest)
'''
OUR_LAYER = '''class Layer:
    """Ours."""

    def twice(x):
        return 2 * x
'''
OUR_TEST = """from espnet2.legacy.nets.masks import mask


def test_mask():
    assert mask(1)
"""
FILES = {
    "espnet2/legacy/nets/masks.py": MASKS,
    "espnet2/layer.py": LAYER,
    "espnet2/unformatted.py": "def f( x ):\n    x*=2\n    return x\n",
    "test/test_nothing.py": "",
}
FUNCTIONS = {
    "espnet2.legacy.nets.masks:mask": MASKS,
    "espnet2.legacy.nets.masks:helper_of_old": MASKS,
    "espnet2.layer:Layer.twice": LAYER,
}


class NotInPlace(cst.CSTTransformer):
    """x *= y → x = x * y."""

    def leave_AugAssign(self, original_node: cst.AugAssign, updated_node: cst.AugAssign) -> cst.Assign:
        product = cst.BinaryOperation(updated_node.target, cst.Multiply(), updated_node.value)
        return cst.Assign([cst.AssignTarget(updated_node.target)], product)


FIRST = Part(
    name="first",
    title="Make masks exportable",
    body="A paragraph that is longer than a line of a commit message may be, so that it is folded.\n\nAnother one.",
    replacements={"espnet2.legacy.nets.masks:mask": "masks.py"},
    removals=("espnet2.legacy.nets.masks:helper_of_old",),
    additions={"test/espnet2/legacy/test_masks.py": "test_masks.py"},
)
SECOND = Part(
    name="second",
    title="Do not change inputs in place",
    body="Why.",
    replacements={"espnet2.layer:Layer.twice": "layer.py"},
    transforms=(Transform(("espnet2/**/*.py", "espnet2/*.py"), r"\*=", lambda module: module.visit(NotInPlace())),),
    requires=("first",),
)
SOURCES = {"first/masks.py": OUR_MASKS, "first/test_masks.py": OUR_TEST, "second/layer.py": OUR_LAYER}
TABLE = {
    name: {fingerprint(functions_of(text)[name.rpartition(":")[2]]): ["202611"]} for name, text in FUNCTIONS.items()
}


def write_files(root: Path, files: Mapping[str, str]) -> None:
    """Write texts below a directory."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def texts_below(root: Path) -> dict[str, str]:
    """Read all files below a directory, except git's."""
    files = (file for file in root.rglob("*") if file.is_file() and ".git" not in file.parts)
    return {file.relative_to(root).as_posix(): file.read_text(encoding="utf-8") for file in files}


def make_installation(root: Path) -> Path:
    """Write a site-packages directory of release 202611."""
    installed = {path: text for path, text in FILES.items() if path.startswith("espnet2/")}
    write_files(root, {**installed, "espnet-202611.dist-info/METADATA": "Name: espnet\nVersion: 202611.post1\n"})
    return root


def make_git_checkout(root: Path, moved: bool = True) -> Path:
    """Commit a checkout of release 202611, or one of 202511 in the former layout."""
    files = dict(FILES) if moved else {path.replace("espnet2/legacy", "espnet"): text for path, text in FILES.items()}
    if not moved:
        files = {path: text.replace("espnet2.legacy", "espnet") for path, text in files.items()}
    version = {"pyproject.toml": 'version = "202611"\n'} if moved else {"espnet/version.txt": "202511\n"}
    write_files(root, {**files, **version})
    git(root, "init", "--quiet", "--initial-branch=master")
    git(root, "config", "user.name", "A. User")
    git(root, "config", "user.email", "user@example.org")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=Upstream")
    return root


def git(root: Path, *arguments: str) -> str:
    """Run git in a checkout; returns what it prints."""
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()
