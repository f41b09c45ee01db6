"""Kills of commands: every family has its rows, and a process ends before the change to files that was drawn."""

import os
import subprocess
import sys

import pytest

from espnet2.interface.families import with_bundles

pytestmark = pytest.mark.skipif(os.name == "nt", reason="forks and process groups")

KINDS = {"export", "bundle", "pytorch", "train", "stats"}
KILLED = """
import os, sys
from pathlib import Path
sys.path.append(sys.argv[1])
from kills import Killer
os.setsid()
sys.addaudithook(Killer(Path.cwd(), int(sys.argv[2])))
Path("first").write_text("1")
Path("first").read_text()
os.rename("first", "second")
os.mkdir("third")
"""


@pytest.fixture
def tool(repo_dir, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(repo_dir / "tools")
    import kill_at_random

    return kill_at_random


@pytest.mark.parametrize("name", [*with_bundles(), "streams", "lm"])
def test_every_family_has_its_rows(tool, name, tmp_path):
    (tmp_path / name).mkdir()
    kinds = {row.name.split()[1] for row in tool.Model(name, tmp_path).rows(["*"])}
    assert kinds >= KINDS - set(tool.LEFT_OUT.get(name, ()))


@pytest.mark.parametrize(("change", "left"), [(1, []), (2, ["first"]), (3, ["second"]), (4, ["second", "third"])])
def test_a_process_is_killed_before_a_change(repo_dir, tmp_path, change, left):
    command = [sys.executable, "-c", KILLED, str(repo_dir / "tools" / "attack"), str(change)]
    status = subprocess.run(command, cwd=tmp_path, check=False).returncode
    assert (status, sorted(path.name for path in tmp_path.iterdir())) == (0 if change == 4 else -9, left)
