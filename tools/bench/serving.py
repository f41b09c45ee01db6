"""A service under load, against the same recordings decoded one by one in a loop.

    python tools/bench/serving.py BUNDLE RECORDING ... [--clients 1 8 32] [--seconds 30]
    python tools/bench/serving.py BUNDLE RECORDING ... --streaming BUNDLE [--streams 1 16 64]
    python tools/bench/serving.py BUNDLE RECORDING ... --serve=--processes=2

The service is a process of its own on loopback; clients are threads of this one, each of which sends its next recording
when it has the text of the last. Per number of clients: seconds of speech in a second, the ratio to the loop, median
and 95th percentile of the time to an answer, and refusals of a service that has too much to do. For streams: pieces of
320 ms at their pace, the 95th percentile of the time from a piece to what the service found in it, and memory.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
import yaml
from machine import processor
from websockets.asyncio.client import connect

from espnet2.fileio.audio import read_audio
from espnet2.runtime import Speech2Text

PIECE = 0.32  # seconds


@dataclass
class Load:
    """Findings of clients: seconds to each answer, seconds of speech, refusals, and the seconds of all of it."""

    latencies: list[float] = field(default_factory=list)
    audio: float = 0.0
    refused: int = 0
    took: float = 0.0

    @property
    def speed(self) -> float:
        """Seconds of speech in a second."""
        return self.audio / self.took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("recordings", nargs="+")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--seconds", type=float, default=30.0, help="of each load (default: 30)")
    parser.add_argument("--streaming", help="bundle of streams")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--serve", action="append", default=[], help="further option of espnet serve, once for each")
    parser.add_argument("--options", default="{beam_size: 10}", help="decoding options (default: {beam_size: 10})")
    args = parser.parse_args()
    print(processor())
    alone = in_a_loop(args.bundle, args.recordings, yaml.safe_load(args.options))
    print(f"{'clients':>8} {'speech/s':>9} {'ratio':>6} {'p50 s':>7} {'p95 s':>7} {'refused':>8}")
    print(row("loop", alone, alone), flush=True)
    bundles = [args.bundle, *([args.streaming] if args.streaming else [])]
    with service(bundles, args.options, args.serve) as (port, pid):
        for count in args.clients:
            print(row(str(count), loaded(port, args.recordings, count, args.seconds), alone), flush=True)
        for count in args.streams if args.streaming else ():
            late = asyncio.run(live(port, args.streaming, args.recordings, count, args.seconds))
            share = statistics.quantiles(late, n=20)[18]
            print(
                f"{count:4} streams: 95 % of the pieces within {share * 1000:.0f} ms, {memory(pid):.0f} MB", flush=True
            )


def row(name: str, load: Load, alone: Load) -> str:
    """A row of the table."""
    cuts = statistics.quantiles(load.latencies, n=20)
    return (
        f"{name:>8} {load.speed:9.2f} {load.speed / alone.speed:6.2f} {cuts[9]:7.3f} {cuts[18]:7.3f} {load.refused:8}"
    )


def in_a_loop(bundle: str, recordings: Sequence[str], options: dict[str, Any]) -> Load:
    """The recordings one by one, with all cores, after one that does not count."""
    speech2text = Speech2Text(bundle, **options)
    signals = [read_audio(path, speech2text.sample_rate) for path in recordings]
    speech2text(signals[0])
    load, first = Load(), time.perf_counter()
    for signal in signals:
        start = time.perf_counter()
        speech2text(signal)
        load.latencies.append(time.perf_counter() - start)
        load.audio += len(signal) / speech2text.sample_rate
    load.took = time.perf_counter() - first
    return load


@contextlib.contextmanager
def service(bundles: Sequence[str], options: str, further: Sequence[str] = ()) -> Iterator[tuple[int, int]]:
    """A service in a process of its own; gives its port and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "espnet2.bin.cli", "serve", *bundles, f"--port={port}", f"--options={options}"]
    process = subprocess.Popen([*command, *further, "--log_level=WARNING"])
    try:
        while not _answers(port):
            if process.poll() is not None:
                raise SystemExit(f"the service ended with status {process.returncode}")
            time.sleep(0.2)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").is_success
    except httpx.TransportError:
        return False


def loaded(port: int, recordings: Sequence[str], clients: int, seconds: float) -> Load:
    """Clients that send recordings, one after the other each, for so many seconds."""
    contents = [(Path(path).read_bytes(), soundfile.info(path).duration) for path in recordings]
    turns, load, lock = itertools.cycle(contents), Load(), threading.Lock()
    first = time.perf_counter()

    def work() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600) as client:
            while time.perf_counter() < first + seconds:
                with lock:
                    content, duration = next(turns)
                start = time.perf_counter()
                answer = client.post("/v1/audio/transcriptions", files={"file": content})
                took = time.perf_counter() - start
                with lock:
                    if answer.is_success:
                        load.latencies.append(took)
                        load.audio += duration
                    else:
                        load.refused += 1

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.took = time.perf_counter() - first
    return load


async def live(port: int, model: str, recordings: Sequence[str], streams: int, seconds: float) -> list[float]:
    """Streams at their pace; seconds from each piece that changed a text to that text."""
    signals = [read_audio(path, 16000) for path in recordings]
    late: list[float] = []

    async def stream(number: int) -> None:
        samples = np.resize(np.concatenate(signals[number % len(signals) :] + signals), int(seconds * 16000))
        data, size = (samples * 32767).astype("<i2").tobytes(), int(PIECE * 16000) * 2
        await asyncio.sleep(PIECE * number / streams)
        async with connect(f"ws://127.0.0.1:{port}/v1/stream?model={Path(model).resolve().name}") as connection:
            sent = time.perf_counter()

            async def receive() -> None:
                async for message in connection:
                    late.append(time.perf_counter() - sent)
                    if json.loads(message)["type"] != "partial":
                        return

            receiver = asyncio.ensure_future(receive())
            begin = time.perf_counter()
            for place in range(0, len(data), size):
                await asyncio.sleep(max(begin + place / 32000 - time.perf_counter(), 0))
                sent = time.perf_counter()
                await connection.send(data[place : place + size])
            await connection.send('{"type": "end"}')
            await receiver

    await asyncio.gather(*(stream(number) for number in range(streams)))
    return late


def memory(pid: int) -> float:
    """Memory in MB of a process and of those that it has started, what they share once for each."""
    pages = 0
    with contextlib.suppress(OSError):  # one that has ended
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    own = pages * resource.getpagesize() / 1e6
    return own + sum(map(memory, children(pid)))


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, path.read_text(encoding="ascii").split())
    return found


if __name__ == "__main__":
    main()
