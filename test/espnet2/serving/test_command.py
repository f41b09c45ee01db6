"""Options of a service, and one of several processes, one of which is killed."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("httpx")
pytest.importorskip("uvicorn")

import httpx

from espnet2.bin.cli import main
from espnet2.serving.command import without_tokens


@pytest.mark.parametrize(
    "options, message",
    [
        (["--processes=0"], "--processes: expected a number from 1 to 1024, found 0"),
        (["--processes=2", "--ray"], "--processes: expected none with --ray, found 2"),
        (["--replicas", "2", "1", "--ray"], "--replicas: expected two numbers of at least 1, the smaller one first"),
        (["--replicas", "1", "2"], "--replicas: expected --ray with it, found 1 2 alone"),
        (["--most_seconds=0"], "--most_seconds: expected a positive number, found 0"),
        (["--port=70000"], "--port: expected a number from 0 to 65535, found 70000"),
    ],
)
def test_refused_options(demo_bundle, capsys, options, message):
    assert main(["serve", str(demo_bundle), *options]) == 2
    assert message in capsys.readouterr().err


def test_tokens_of_addresses_are_not_logged():
    record = logging.LogRecord(
        "x", 20, "", 0, '%s - "WebSocket %s" %d', ("a:1", "/v1/stream?token=s3&rate=8000", 7), None
    )
    assert without_tokens(record)
    assert record.getMessage() == 'a:1 - "WebSocket /v1/stream?token=...&rate=8000" 7'


def test_a_process_that_is_killed_is_replaced_and_the_others_answer(demo_bundle, demo_dir):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--processes=2", "--mapped", "--options={beam_size: 1}", "--log_level=WARNING"]
    command = [sys.executable, "-m", "espnet2.bin.cli", "serve", str(demo_bundle), *options]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: status_of(port) == 200)
            wait_for(lambda: len(workers_of(process.pid)) == 2)
            killed = workers_of(process.pid)[0]
            os.kill(killed, signal.SIGKILL)
            wait_for(lambda: len(set(workers_of(process.pid)) - {killed}) == 2)
            content = next((demo_dir / "recordings").glob("*.flac")).read_bytes()
            answer = httpx.post(f"http://127.0.0.1:{port}/v1/audio/transcriptions", files={"file": content}, timeout=60)
            assert json.loads(answer.text)["text"]
            process.terminate()
            process.wait(60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def status_of(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code
    except httpx.TransportError:
        return 0


def workers_of(pid):
    """Processes that a service has started for requests."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in path.read_text().split()]
    return [child for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
