"""Commands in odd surroundings: closed streams, full devices, Ctrl-C during a long graph and during imports."""

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and devices of Unix")

INTERRUPTED = """
import argparse, hashlib, time
from espnet2.utils import surroundings
from espnet2.utils.cli import run
surroundings.PATIENCE = 0.2
def command(args):
    print("begun", flush=True)
    {takes_long}
raise SystemExit(run(argparse.ArgumentParser("prog"), command, []))
"""
PRINTS = """
import argparse, os
from espnet2.utils.cli import run
def command(args):
    print("\\u00e4")
    return os.open(os.devnull, os.O_RDONLY) < 3
raise SystemExit(run(argparse.ArgumentParser("prog"), command, []))
"""


def interruptible():
    """Let Ctrl-C end a process that is to begin, also where this one was begun in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(
    "takes_long",
    ["time.sleep(30)", "hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)"],
    ids=["Python", "native code, as a graph"],
)
def test_ctrl_c(takes_long):
    code = INTERRUPTED.format(takes_long=takes_long)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes, preexec_fn=interruptible) as process:
        assert process.stdout is not None and process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (130, b"prog: interrupted\n")


def test_a_process_that_was_interrupted_ends_whatever_libraries_would_do_at_its_end():
    """One aborts in the middle of its import; here, a thread would be waited for."""
    begun = "threading.Thread(target=time.sleep, args=(60,)).start(); atexit.register(print, 'end'); time.sleep(60)"
    code = (
        INTERRUPTED.format(takes_long=begun)
        .replace("command, []", "command")
        .replace("import ", "import atexit, threading, ", 1)
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=interruptible
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"begun\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        found = process.communicate(timeout=20)
    assert (process.returncode, *found) == (130, b"end\n", b"prog: interrupted\n")


def test_ctrl_c_during_imports():
    command = [sys.executable, "-X", "importtime", "-m", "espnet2.bin.asr_inference_onnx", "--help"]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, preexec_fn=interruptible) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.rstrip().endswith(b" espnet2.bin"):  # before numpy and onnxruntime
                break
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == -signal.SIGINT
    assert b"Traceback" not in said


@pytest.mark.parametrize(
    ("redirection", "status", "said"),
    [
        (">&-", 0, ""),
        ("2>&-", 0, ""),
        (">/dev/full", 2, "prog: a file: expected to read or write it, found: no space left on device\n"),
        (">/dev/full 2>&-", 2, ""),
    ],
)
def test_streams_that_are_closed_or_full(tmp_path, redirection, status, said):
    command = ["sh", "-c", f'"$0" "$@" {redirection}', sys.executable, "-c", PRINTS]
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert (done.returncode, done.stderr) == (status, said)


def test_no_output_is_lost_in_ascii():
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", PRINTS], capture_output=True, check=False, env=environment)
    assert (done.returncode, done.stdout) == (0, "\u00e4\n".encode())


def test_it_ends_soon_after_a_reader_has_gone():
    started = time.perf_counter()
    command = ["sh", "-c", '"$0" "$@" | :', sys.executable, "-c", PRINTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert time.perf_counter() - started < 10
