"""The application as a deployment of Ray Serve, without a cluster: one replica in this process."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

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
