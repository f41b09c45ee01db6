"""Every row of the zoo has a golden, and the page of architectures is that of the rows.

That whatever a config may name has a row is tested in `test_families_complete.py`.
"""

import subprocess
import sys
from pathlib import Path

import zoo


def test_every_row_has_a_golden_and_every_golden_a_row():
    assert {path.stem for path in Path(__file__).with_name("golden").glob("*.npz")} == set(zoo.ROWS)


def test_page_of_architectures_is_up_to_date(repo_dir):
    command = [sys.executable, "tools/architecture_table.py", "--check"]
    run = subprocess.run(command, cwd=repo_dir, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_goldens_are_small():
    sizes = [path.stat().st_size for path in Path(__file__).with_name("golden").glob("*.npz")]
    assert sum(sizes) < 4_000_000  # bytes
