"""The application as a deployment of Ray Serve: one replica in this process, and a service on a cluster."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

# Ten seconds of processor time.
if find_spec("ray") is None or "ESPNET_TEST_RAY" not in os.environ:
    pytest.skip("needs ray, and to be asked for: ESPNET_TEST_RAY=1", allow_module_level=True)

# In a process of its own, since Ray changes warnings and loggers of the one that imports it.
PROGRAM = """
import asyncio, functools, sys
import httpx
from espnet2.serving.command import Plan
from espnet2.serving.replicas import deployment_of

plan = Plan({"model": sys.argv[1]}, {"quantized": False, "num_threads": 1}, {"beam_size": 1})
deployment = deployment_of(plan.make, (1, 3), 2)

async def main():
    replica = deployment.func_or_class.__new__(deployment.func_or_class)
    await replica.__init__()
    await replica._run_asgi_lifespan_startup()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(replica), base_url="http://replica") as client:
        content = open(sys.argv[2], "rb").read()
        answer = await client.post("/v1/audio/transcriptions", files={"file": content})
        print(answer.status_code, answer.json()["text"])
    await replica._serve_asgi_lifespan.shutdown()

asyncio.run(main())
scaling = deployment._deployment_config.autoscaling_config
print(scaling.min_replicas, scaling.max_replicas, deployment.ray_actor_options["num_cpus"])
"""


def test_a_replica_answers_and_there_are_as_many_as_the_options_allow(demo_bundle, demo_dir):
    recording = min((demo_dir / "recordings").glob("*.flac"))
    command = [sys.executable, "-c", PROGRAM, str(demo_bundle), str(recording)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    first, second = run.stdout.splitlines()
    assert first.startswith("200 ") and len(first.split()) > 3
    assert second == "1 3 2"


def test_a_service_on_a_cluster_answers_and_ends_with_its_command(demo_bundle, demo_dir, stream_bundle, tmp_path):
    """Recordings, live streams, and SIGTERM in the middle of a request, which is answered."""
    import httpx
    import soundfile
    from websockets.sync.client import connect

    recording = min((demo_dir / "recordings").glob("*.flac"))
    speech, rate = soundfile.read(recording)
    soundfile.write(tmp_path / "long.wav", np.tile(speech, 40), rate)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"

    def text_of(model: str, path: Path = recording) -> str:
        file = {"file": path.read_bytes()}
        answer = httpx.post(f"http://{place}/v1/audio/transcriptions", files=file, data={"model": model}, timeout=120)
        return answer.json()["text"]

    options = ["--ray", "--replicas", "1", "2", "--num_threads=1", "--options={beam_size: 1}", f"--port={place[10:]}"]
    models = [f"digits={demo_bundle}", f"live={stream_bundle}"]
    command = [sys.executable, "-m", "espnet2.bin.cli", "serve", *models, *options]
    with subprocess.Popen(command, start_new_session=True) as process:
        try:
            wait_for(place, process)
            assert len(text_of("digits").split()) > 3
            samples = (speech * 32768).astype("<i2").tobytes()
            with connect(f"ws://{place}/v1/stream?model=live") as connection:
                for start in range(0, len(samples), 20_000):
                    connection.send(samples[start : start + 20_000])
                connection.send('{"type": "end"}')
                *_, final = map(json.loads, connection)
            assert final["type"] == "final" and final["text"] == text_of("live")
            with ThreadPoolExecutor(1) as thread:
                waiting = thread.submit(text_of, "digits", tmp_path / "long.wav")
                time.sleep(2)  # a fraction of what it takes
                assert not waiting.done()
                process.terminate()
                assert len(waiting.result().split()) > 3
            assert process.wait(60) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_for(place: str, process: subprocess.Popen) -> None:
    """Wait until a service answers."""
    import httpx

    end = time.monotonic() + 240
    while True:
        assert process.poll() is None and time.monotonic() < end
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://{place}/healthz", timeout=5).is_success:
                return
        time.sleep(0.5)
