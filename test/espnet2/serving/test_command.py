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

from espnet2.bin.cli import main, named_bundles
from espnet2.serving.command import without_tokens


@pytest.mark.parametrize(
    "options, message",
    [
        (["--processes=0"], "--processes: expected a number from 1 to 1024, found 0"),
        (["--processes=2", "--ray"], "--processes: expected none with --ray, found 2"),
        (["--replicas", "2", "1", "--ray"], "--replicas: expected two numbers of at least 1, the smaller one first"),
        (["--replicas", "1", "2"], "--replicas: expected --ray with it, found 1 2 alone"),
        (["--most_seconds=0"], "--most_seconds: expected a positive number up to 1e+12, found 0"),
        (["--most_megabytes=1e308"], "--most_megabytes: expected a positive number up to 1e+12, found 1e+308"),
        (["--most_deadline=nan"], "--most_deadline: expected a positive number up to 1e+12, found nan"),
        (["--host="], "--host, --port: expected an address to listen on, found :8000: none"),
        (["--host=256.1.1.1"], "--host, --port: expected an address to listen on, found 256.1.1.1:8000: "),
        (["--host=" + "a" * 99 + ".b"], "--host, --port: expected an address to listen on, found aaa"),
        (["--most_total_megabytes=0"], "--most_total_megabytes: expected a positive number up to 1e+12, found 0"),
        (["--port=70000"], "--port: expected a number from 0 to 65535, found 70000"),
    ],
)
def test_refused_options(demo_bundle, capsys, options, message):
    assert main(["serve", str(demo_bundle), *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["bundle"], {"bundle": "bundle"}),
        (["english=a/bundle", "b/bundle"], {"english": "a/bundle", "bundle": "b/bundle"}),
        (["x=y"], {"x=y": "x=y"}),  # a path that exists
        (["a=b=c"], {"a": "b=c"}),
        (["a/b=c/bundle"], {"bundle": "a/b=c/bundle"}),
        (["=bundle"], {"=bundle": "=bundle"}),
    ],
)
def test_models_have_the_names_that_are_given_or_those_of_directories(tmp_path, monkeypatch, words, names):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x=y").mkdir()
    monkeypatch.setattr("espnet2.bin.cli.bundle_of", lambda model, cache_dir: Path(model))
    assert named_bundles(words, None) == names


def test_an_address_that_is_not_free_is_an_error(demo_bundle, monkeypatch):
    def run(*arguments, **options):
        raise SystemExit(1)

    monkeypatch.setattr("uvicorn.run", run)
    monkeypatch.setenv("ESPNET_SERVE_PLAN", "")
    assert main(["serve", str(demo_bundle), "--processes=2", "--options={beam_size: 1}"]) == 2


def test_two_models_of_one_name_are_refused(tmp_path, capsys):
    for name in "ab":
        (tmp_path / name / "bundle").mkdir(parents=True)
        (tmp_path / name / "bundle/bundle.yaml").touch()
    words = [f"{tmp_path}/{name}/bundle" for name in "ab"]
    assert main(["serve", *words]) == 2
    message = f"{words[1]}: expected models of different names, found two called bundle; say NAME=MODEL"
    assert message in capsys.readouterr().err


def test_an_address_that_is_taken_is_refused_before_models_are_opened(capsys, demo_bundle, monkeypatch):
    monkeypatch.setattr("espnet2.serving.command.Plan.make", pytest.fail)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", str(demo_bundle), f"--port={port}"]) == 2
    assert f"found 127.0.0.1:{port}: Address already in use" in capsys.readouterr().err


def test_tokens_of_addresses_are_not_logged():
    record = logging.LogRecord(
        "x", 20, "", 0, '%s - "WebSocket %s" %d', ("a:1", "/v1/stream?token=s3&rate=8000", 7), None
    )
    assert without_tokens(record)
    assert record.getMessage() == 'a:1 - "WebSocket /v1/stream?token=...&rate=8000" 7'


def test_addresses_of_any_length_are_short_in_the_log():
    record = logging.LogRecord("x", 20, "", 0, '%s - "GET %s"', ("a:1", "/" + "a" * 60_000), None)
    assert without_tokens(record) and len(record.getMessage()) < 500


def test_a_process_that_is_killed_is_replaced_and_the_others_answer(demo_bundle, demo_dir, tmp_path):
    """Figures are those of all processes; each has cores of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--processes=2", "--mapped", "--options={beam_size: 1}", "--log_level=WARNING"]
    command = [sys.executable, "-m", "espnet2.bin.cli", "serve", f"digits={demo_bundle}", *options]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            wait_for(lambda: status_of(port) == 200)
            wait_for(lambda: len(workers_of(process.pid)) == 2)
            content = next((demo_dir / "recordings").glob("*.flac")).read_bytes()
            texts = {text_of(port, content) for _ in range(4)}
            wait_for(lambda: answers_of(port) == 4)
            killed = workers_of(process.pid)[0]
            os.kill(killed, signal.SIGKILL)
            wait_for(lambda: len(set(workers_of(process.pid)) - {killed}) == 2)
            texts.add(text_of(port, content))
            assert len(texts) == 1 and len(texts.pop().split()) > 2
            wait_for(lambda: answers_of(port) == 5)
            if hasattr(os, "sched_getaffinity"):
                wait_for(lambda: are_shares([os.sched_getaffinity(pid) for pid in workers_of(process.pid)]))
            process.terminate()
            process.wait(60)
            assert not [*tmp_path.iterdir()]
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def status_of(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code
    except httpx.TransportError:
        return 0


def text_of(port, content):
    """The text of a recording, by whichever process answers."""
    answer = httpx.post(f"http://127.0.0.1:{port}/v1/audio/transcriptions", files={"file": content}, timeout=60)
    return json.loads(answer.text)["text"]


def answers_of(port):
    """Transcriptions that were answered so far."""
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text.splitlines()
    name = 'espnet_requests_total{path="/v1/audio/transcriptions",status="200"} '
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), 0)


def are_shares(groups):
    """Whether groups are those of two processes that share the cores of this one."""
    cores = os.sched_getaffinity(0)
    return set.union(*groups) == cores and sum(map(len, groups)) == max(len(cores), 2)


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
