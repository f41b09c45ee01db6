"""A service under an hour of mixed load: whether its memory stays flat, and whether each request is answered.

    python tools/bench/serving_hour.py BUNDLE RECORDING ... [--streaming BUNDLE] [--minutes 60] [--clients 4]

Clients are threads of this process, each of which draws what it does next: a recording in some format, one whose
segments are sent as they come, a live stream, a file that is no recording, a request that is given up half-way, or one
of a model's list. Each answer is compared with what is expected of its kind; those of whole recordings with the text
that the first answer had. Per minute: answers by kind, the longest time to one, and the memory of all processes of the
service. Exit status 1 where an answer was lost or another than expected.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from machine import processor
from serving import memory, service
from websockets.sync.client import connect

from espnet2.fileio.audio import read_audio

PATH = "/v1/audio/transcriptions"
RATE, PIECE = 16000, 5120  # Hz, and samples of a message
SETTLED = 0.1  # share of the time in which memory may grow: caches fill


@dataclass
class Findings:
    """Answers of all clients: counts by kind, faults, the longest time of a minute, and texts by recording."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    texts: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, fault: str, took: float) -> None:
        """Count an answer; an empty `fault` is none."""
        with self.lock:
            self.counts[kind] += 1
            self.longest = max(self.longest, took)
            if fault:
                self.faults[f"{kind}: {fault}"] += 1

    def same(self, name: str, text: str) -> str:
        """The fault of a text that differs from the first one of this recording."""
        with self.lock:
            first = self.texts.setdefault(name, text)
        return "" if text == first else f"{name}: {first!r} became {text!r}"


class Client:
    """A client of the service; each of its methods in `KINDS` makes a request and returns its fault, or nothing."""

    def __init__(self, port: int, recordings: list[str], streaming: str | None, seed: int, findings: Findings) -> None:
        self.address, self.recordings, self.streaming = f"127.0.0.1:{port}", recordings, streaming
        self.random, self.findings = random.Random(seed), findings
        self.http = httpx.Client(base_url=f"http://{self.address}", timeout=300)

    def work(self, end: float, pause: float) -> None:
        """Make requests until a moment of `time.monotonic()`."""
        kinds = [kind for kind in KINDS if self.streaming or kind != "stream"]
        while time.monotonic() < end:
            kind, start = self.random.choice(kinds), time.monotonic()
            try:
                fault = KINDS[kind](self)
            except Exception as error:  # an answer that is lost, whatever the reason
                fault = f"{type(error).__name__}: {error}"
            self.findings.note(kind, fault, time.monotonic() - start)
            time.sleep(self.random.uniform(0, 2 * pause))

    def whole(self) -> str:
        """A recording, its text as JSON."""
        name = self.random.choice(self.recordings)
        answer = self.http.post(PATH, files={"file": Path(name).read_bytes()})
        return self.findings.same(name, answer.json()["text"]) if answer.is_success else str(answer.status_code)

    def subtitles(self) -> str:
        """A recording, as subtitles or with times."""
        data = {"response_format": self.random.choice(["srt", "vtt", "verbose_json", "text"])}
        content = Path(self.random.choice(self.recordings)).read_bytes()
        answer = self.http.post(PATH, files={"file": content}, data=data)
        return "" if answer.is_success and answer.text.strip() else str(answer.status_code)

    def events(self) -> str:
        """A recording whose segments are sent as they come."""
        content = Path(self.random.choice(self.recordings)).read_bytes()
        with self.http.stream("POST", PATH, files={"file": content}, data={"stream": "true"}) as answer:
            return "" if "transcript.text.done" in answer.read().decode() else str(answer.status_code)

    def corrupt(self) -> str:
        """A file that is no recording."""
        status = self.http.post(PATH, files={"file": self.random.randbytes(5000)}).status_code
        return "" if status == 400 else str(status)

    def given_up(self) -> str:
        """A request that is given up half-way."""
        content = Path(self.random.choice(self.recordings)).read_bytes()
        with contextlib.suppress(httpx.TimeoutException):
            self.http.post(PATH, files={"file": content}, timeout=0.05)
        return ""

    def models(self) -> str:
        """The list of models, and the figures."""
        found = [self.http.get(path).status_code for path in ("/v1/models", "/metrics", "/healthz")]
        return "" if found == [200] * 3 else str(found)

    def stream(self) -> str:
        """A live stream at twice its pace."""
        samples = read_audio(self.random.choice(self.recordings), RATE)[: 8 * RATE]
        data = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        with connect(f"ws://{self.address}/v1/stream?rate={RATE}") as socket:
            for place in range(0, len(data), 2 * PIECE):
                socket.send(data[place : place + 2 * PIECE])
                time.sleep(PIECE / RATE / 2)
            socket.send('{"type": "end"}')
            for message in socket:
                kind = json.loads(message)["type"]
                if kind != "partial":
                    return "" if kind == "final" else str(message)
        return "no final text"


KINDS: dict[str, Callable[[Client], str]] = {
    name: getattr(Client, name) for name in ("whole", "subtitles", "events", "corrupt", "given_up", "models", "stream")
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("recordings", nargs="+")
    parser.add_argument("--streaming", help="bundle of streams")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.5, help="mean seconds between requests of a client")
    parser.add_argument("--serve", action="append", default=[], help="further option of espnet serve, once for each")
    parser.add_argument("--options", default="{beam_size: 10}", help="decoding options (default: {beam_size: 10})")
    args = parser.parse_args()
    print(processor())
    findings, sizes = Findings(), list[float]()
    bundles = [args.bundle, *([args.streaming] if args.streaming else [])]
    with service(bundles, args.options, args.serve) as (port, pid):
        first = time.monotonic()
        end = first + 60 * args.minutes
        clients = [Client(port, args.recordings, args.streaming, seed, findings) for seed in range(args.clients)]
        threads = [threading.Thread(target=client.work, args=(end, args.pause)) for client in clients]
        for thread in threads:
            thread.start()
        while time.monotonic() < end:
            time.sleep(min(60.0, max(end - time.monotonic(), 0)))
            sizes.append(memory(pid))
            longest, findings.longest = findings.longest, 0.0
            counts = ", ".join(f"{kind} {count}" for kind, count in sorted(findings.counts.items()))
            print(f"{len(sizes):3} min {sizes[-1]:6.0f} MB, at most {longest:5.1f} s: {counts}", flush=True)
        for thread in threads:
            thread.join()
    settled = sizes[int(SETTLED * len(sizes)) :]
    middle = len(settled) // 2
    early, late = (statistics.mean(part) for part in (settled[:middle] or settled, settled[middle:]))
    print(f"memory: {early:.0f} MB in the first half, {late:.0f} MB in the second ({late - early:+.1f})")
    for fault, count in findings.faults.items():
        print(f"{count} times {fault}")
    print(f"{sum(findings.counts.values())} requests, {sum(findings.faults.values())} lost or unexpected")
    return int(bool(findings.faults))


if __name__ == "__main__":
    raise SystemExit(main())
