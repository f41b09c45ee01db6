"""Temporary directories: no other process has them, and nobody's remain."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from espnet2.utils.atomic import link_atomically, remove_partial, write_atomically, write_text
from espnet2.utils.lock import only_one
from espnet2.utils.work_directory import remove_abandoned, work_directory

pytestmark = pytest.mark.skipif(os.name == "nt", reason="locks of directories")

KILLED = """
import os, signal, sys
from espnet2.utils.lock import only_one
from espnet2.utils.work_directory import work_directory
with work_directory(sys.argv[1], "bundle") as path:
    (path / "half").mkdir()
    print(path, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_is_removed_with_all_that_is_in_it(tmp_path):
    with work_directory(tmp_path / "new", "bundle") as path:
        assert path.parent == tmp_path / "new"
        (path / "a").mkdir()
    assert not path.exists()


def test_that_of_a_killed_process_is_removed_and_that_of_a_running_one_stays(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=False)
    left = tmp_path / killed.stdout.strip()
    assert (left / "half").is_dir()
    with work_directory(tmp_path, "other") as other:
        assert left.exists()
        with work_directory(tmp_path, "bundle") as first:
            assert not left.exists()
            with work_directory(tmp_path, "bundle") as second:
                assert first.is_dir() and second.is_dir() and first != second
    assert not list(tmp_path.iterdir()) and not other.exists()


def test_that_of_a_process_that_was_killed_before_the_parent_existed_is_removed(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (tmp_path / killed.stdout.strip()).is_dir()
    with work_directory(tmp_path / "new" / "deep", "bundle"):
        assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_what_is_not_its_own_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / ".bundle.x.work").symlink_to(tmp_path / "mine")
    (tmp_path / ".bundle.y.work").touch()
    (tmp_path / ".bundle").mkdir()
    remove_abandoned(tmp_path, "bundle")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".bundle", ".bundle.x.work", ".bundle.y.work", "mine"]


def test_what_took_its_place_stays(tmp_path):
    with work_directory(tmp_path, "bundle") as path:
        path.rename(tmp_path / "bundle")
        path.mkdir()
    assert path.is_dir() and (tmp_path / "bundle").is_dir()


def test_names_of_files_may_be_as_long_as_the_system_allows(tmp_path):
    name = "ü" * 120 + ".npy"
    with write_atomically(tmp_path / name) as file:
        file.write(b"1")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_file_that_is_not_complete_leaves_the_former(tmp_path, error):
    write_text(tmp_path / "a", "first\udc80")
    with pytest.raises((KeyboardInterrupt, OSError)), write_atomically(tmp_path / "a", "w") as file:
        file.write("second")
        raise error
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"first\\udc80"]


@pytest.mark.parametrize(("below", "left"), [(True, []), (False, [".partial-b-y", ".partial-c-z"])])
def test_partial_files_of_killed_processes(tmp_path, below, left):
    for name in (".partial-a-x", "sub/.partial-b-y", "sub/deep/.partial-c-z", "sub/kept", "text.partial"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    remove_partial(tmp_path, below=below)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [*left, "deep", "kept", "sub", "text.partial"]


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="needs a device")
def test_a_device_is_written_to_and_a_pipe_is_refused(tmp_path):
    link, pipe = tmp_path / "device", tmp_path / "pipe"
    link.symlink_to("/dev/null")
    with write_atomically(link) as file:
        file.write(b"1")
    assert Path("/dev/null").is_char_device() and link.is_symlink()
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="expected a file, found a pipe"), write_atomically(pipe):
        pass
    assert pipe.is_fifo()


def test_a_file_that_another_process_writes_is_left_alone(tmp_path):
    with write_atomically(tmp_path / "a") as file:
        remove_partial(tmp_path)
        file.write(b"1")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"1"]


FORKED = """
import os, time
from pathlib import Path
from espnet2.utils.lock import only_one
with only_one(Path("out"), "training"):
    child = os.fork()
    if not child:
        os.close(1)
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_a_lock_ends_with_its_process_although_forked_ones_live(tmp_path, repo_dir):
    command = [sys.executable, "-c", FORKED]
    environment = {**os.environ, "PYTHONPATH": str(repo_dir)}
    found = subprocess.run(command, stdout=subprocess.PIPE, cwd=tmp_path, env=environment, check=False)
    try:
        with only_one(tmp_path / "out", "training"):
            pass
    finally:
        os.kill(int(found.stdout), 9)
    assert list((tmp_path / "out").iterdir()) == []


def test_links(tmp_path):
    (tmp_path / "a").write_text("1")
    link_atomically(tmp_path / "b", "a")
    link_atomically(tmp_path / "b", "a")
    assert (tmp_path / "b").read_text() == "1" and len(list(tmp_path.iterdir())) == 2
