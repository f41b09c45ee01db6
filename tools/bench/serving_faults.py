"""Clients that misbehave, and more of them than a service can answer: after each, whether it still answers.

    python tools/bench/serving_faults.py BUNDLE RECORDING ... [--seconds 20] [--times 10] [--only overload]

The service is a process of its own on loopback, and nothing is sent elsewhere; numbers of connections and seconds are
bounded. Per fault: what clients got, the time to a transcription behind it, and the service's memory.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import signal
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx
import numpy as np
import soundfile
from serving import children, loaded, memory, service

HOST, PATH = "127.0.0.1", "/v1/audio/transcriptions"
SOCKETS, SLOW, HANG_UPS, UNREAD = 1000, 50, 50, 10
GB = 1 << 30
BOUNDARY = "recording"
HEAD = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'.encode()


class Target:
    """A service under test: its port, its process, and a recording that it recognises."""

    def __init__(self, port: int, pid: int, recordings: Sequence[str]) -> None:
        self.port, self.pid, self.recordings = port, pid, recordings
        self.content = Path(recordings[0]).read_bytes()

    def head(self, *lines: str) -> bytes:
        """The head of a request with a form."""
        known = [f"POST {PATH} HTTP/1.1", f"Host: {HOST}", f"Content-Type: multipart/form-data; boundary={BOUNDARY}"]
        return "\r\n".join([*known, *lines, "", ""]).encode()

    def request(self, content: bytes) -> bytes:
        """A whole request with a recording, behind whose answer the connection ends."""
        body = HEAD + content + f"\r\n--{BOUNDARY}--\r\n".encode()
        return self.head(f"Content-Length: {len(body)}", "Connection: close") + body

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection."""
        return await asyncio.open_connection(HOST, self.port)

    async def status(self, content: bytes) -> int:
        """The status of a request with this file."""
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{self.port}", timeout=120) as client:
            return (await client.post(PATH, files={"file": content})).status_code


async def corrupt(target: Target) -> str:
    """Files that are no recordings, or are cut, or lie about their size."""
    rng, good = np.random.default_rng(0), target.content
    liar = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\1\0\x80\xbb\0\0\0\x77\1\0\2\0\x10\0data\xff\xff\xff\xff"
    changed = bytearray(good)
    for place in rng.integers(42, len(good), 50):
        changed[place] ^= 0xFF
    files = [b"", rng.bytes(10_000), good[: len(good) // 2], good[:30], bytes(changed), liar, b"\0" * 100_000]
    return str(Counter([await target.status(content) for content in files]))


async def slow(target: Target) -> str:
    """Clients that send a byte a second: of the head of a request, or of its body."""

    async def client(number: int) -> str:
        reader, writer = await target.connect()
        with contextlib.suppress(ConnectionError):
            if number % 2:
                writer.write(target.head("Content-Length: 1000000") + HEAD)
            for byte in itertools.islice(itertools.cycle(b"abc"), 40):
                writer.write(bytes([byte]))
                await writer.drain()
                with contextlib.suppress(asyncio.TimeoutError):
                    answer = await asyncio.wait_for(reader.read(100), 1.0)
                    return answer[9:12].decode() or "closed"
        return "closed" if writer.is_closing() else "open"

    return str(Counter(await asyncio.gather(*map(client, range(SLOW)))))


async def hang_up(target: Target) -> str:
    """Clients that go before, or behind, the end of a body, or in the middle of an answer."""

    async def client(number: int) -> None:
        _, writer = await target.connect()
        body = HEAD + target.content + f"\r\n--{BOUNDARY}--\r\n".encode()
        sent = body if number % 3 else body[: len(body) // 2]
        writer.write(target.head(f"Content-Length: {len(body)}") + sent)
        await writer.drain()
        await asyncio.sleep(0.02 * (number % 10))
        writer.transport.abort()

    await asyncio.gather(*map(client, range(HANG_UPS)))
    return f"{HANG_UPS} hung up"


async def huge(target: Target) -> str:
    """A body of 10 GB, with its length said before, and without."""
    return ", ".join([await endless(target, chunked) for chunked in (False, True)])


async def endless(target: Target, chunked: bool) -> str:
    """The status of a body of 10 GB, and after how much of it there is one."""
    reader, writer = await target.connect()
    writer.write(target.head("Transfer-Encoding: chunked" if chunked else f"Content-Length: {10 * GB}"))
    sent, answer = 0, asyncio.ensure_future(reader.read(100))
    with contextlib.suppress(ConnectionError):
        for block in itertools.chain([HEAD], itertools.repeat(bytes(1 << 20))):
            writer.write(f"{len(block):x}\r\n".encode() + block + b"\r\n" if chunked else block)
            await writer.drain()
            sent += len(block)
            if answer.done() or sent > 10 * GB:
                break
    status = "nothing"
    with contextlib.suppress(ConnectionError):
        status = (await answer)[9:12].decode() or status
    writer.close()
    return f"{status} after {sent >> 20} MB"


async def sockets(target: Target) -> str:
    """Connections that say nothing."""
    opened = [await target.connect() for _ in range(SOCKETS)]
    status = await target.status(target.content)
    await asyncio.sleep(25)
    closed = sum(reader.at_eof() for reader, _ in opened)
    for _, writer in opened:
        writer.close()
    return f"{status} beside {SOCKETS} of them, {closed} of which are closed after 25 s"


# Heads of requests that do not end: how they begin, and what goes on.
HEADS = {
    "address": (b"GET /", b"a" * 65_536),
    "line": (b"GET / HTTP/1.1\r\nX: ", b"a" * 65_536),
    "lines": (b"GET / HTTP/1.1\r\n", b"X: y\r\n" * 10_000),
    "lines behind a body": (
        f"POST {PATH} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n".encode(),
        b"X: y\r\n" * 10_000,
    ),
}


async def heads(target: Target) -> str:
    """Heads of requests without end, of which 256 MB are sent."""

    async def sent(begin: bytes, more: bytes) -> int:
        reader, writer = await target.connect()
        count, answer = 0, asyncio.ensure_future(reader.read(100))
        with contextlib.suppress(ConnectionError):
            writer.write(begin)
            while count < 256 << 20 and not answer.done():
                writer.write(more)
                await writer.drain()
                count += len(more)
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await answer
        return count >> 20

    found = [f"{name} after {await sent(*parts)} MB" for name, parts in HEADS.items()]
    return f"refused: {', '.join(found)}"


async def unread(target: Target) -> str:
    """Clients that ask for the page again and again, and read none of it."""
    asking = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 4000
    opened = [await target.connect() for _ in range(UNREAD)]
    for reader, writer in opened:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(asking)
    status = await target.status(target.content)
    await asyncio.sleep(75)
    for reader, _ in opened:
        reader._transport.resume_reading()  # type: ignore[attr-defined]
    found = await asyncio.gather(*(answers(reader) for reader, _ in opened))
    for _, writer in opened:
        writer.transport.abort()
    return f"{status} beside {UNREAD} of them, {sum(count < 4000 for count in found)} of which are cut off after 75 s"


async def answers(reader: asyncio.StreamReader) -> int:
    """The number of answers that come until the connection ends."""
    found = bytearray()
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(1 << 20):
            found += piece
    return found.count(b"HTTP/1.1 200")


async def upgrades(target: Target) -> str:
    """Connections that ask for a WebSocket, which never opens."""
    lines = (
        "POST /v1/stream HTTP/1.1",
        "Host: a",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Content-Length: 1",
        "",
        "a",
    )
    asking = "\r\n".join(lines).encode()
    opened = [await target.connect() for _ in range(SLOW)]
    for _, writer in opened:
        writer.write(asking)
    await asyncio.sleep(25)
    closed = sum(reader.at_eof() for reader, _ in opened)
    for _, writer in opened:
        writer.close()
    return f"{closed} of {SLOW} are closed after 25 s"


async def forms(target: Target) -> str:
    """Forms that are none, or have what no form may have."""
    line = 'Content-Disposition: form-data; name="file"'
    parts = [
        "",
        line,
        f"{line}; filename=a",
        f"{line}\r\nX: {'y' * 100_000}",
        "X: y",
        f"{line}; filename*=x''%ff",
        "\r\n" * 9,
    ]
    kinds = [
        f"multipart/form-data; boundary={BOUNDARY}{more}" for more in ("", "; charset=punycode", "; charset=undefined")
    ]
    kinds += [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "application/x-www-form-urlencoded",
        "text/plain",
    ]
    found: Counter[int] = Counter()
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{target.port}", timeout=120) as client:
        for kind, part, count in itertools.product(kinds, parts, (1, 1000)):
            body = f"--{BOUNDARY}\r\n{part}\r\n\r\nabc\r\n" * count + f"--{BOUNDARY}--\r\n"
            found[(await client.post(PATH, content=body, headers={"Content-Type": kind})).status_code] += 1
    return str(found)


async def killed(target: Target) -> str:
    """The process that decodes recordings, killed between and within two of them."""
    await target.status(target.content)
    asking = [asyncio.ensure_future(target.status(target.content)) for _ in range(4)]
    await asyncio.sleep(0.01)
    for child in children(target.pid):
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(child, signal.SIGKILL)
    return str(Counter(await asyncio.gather(*asking)))


FAULTS: dict[str, Callable[[Target], Awaitable[str]]] = {
    "corrupt": corrupt,
    "slow": slow,
    "hang_up": hang_up,
    "huge": huge,
    "sockets": sockets,
    "killed": killed,
    "heads": heads,
    "unread": unread,
    "upgrades": upgrades,
    "forms": forms,
}


async def overload(target: Target, speed: float, times: float, seconds: float) -> str:
    """Requests at a pace of `times` what the service can, `speed` seconds of speech in a second."""
    duration = statistics.mean(soundfile.info(path).duration for path in target.recordings)
    turns = itertools.cycle([target.request(Path(path).read_bytes()) for path in target.recordings])
    accepted: list[float] = []
    refused: list[float] = []
    others: Counter[str] = Counter()
    most = memory(target.pid)

    async def ask(request: bytes) -> None:
        start = time.perf_counter()
        try:
            reader, writer = await target.connect()
            writer.write(request)
            status = (await reader.read(100))[9:12].decode()
            writer.close()
        except OSError as error:
            status = type(error).__name__
        took = time.perf_counter() - start
        if status in ("200", "429"):
            (accepted if status == "200" else refused).append(took)
        else:
            others[status] += 1

    first, asking = time.perf_counter(), []
    count = int(min(times * speed / duration * seconds, 20_000))
    for number in range(count):
        await asyncio.sleep(max(first + number * seconds / count - time.perf_counter(), 0))
        asking.append(asyncio.ensure_future(ask(next(turns))))
        if number % 50 == 0:
            most = max(most, memory(target.pid))
    late = time.perf_counter() - first - seconds
    await asyncio.gather(*asking)
    ended = time.perf_counter()
    while await target.status(target.content) != 200:
        await asyncio.sleep(0.05)
    recovery = time.perf_counter() - ended
    cuts = statistics.quantiles(refused, n=20) if len(refused) > 1 else [0.0] * 19
    return "; ".join(
        [
            f"{count} requests, {late:.1f} s late",
            f"{len(accepted)} accepted, the last after {max(accepted, default=0):.1f} s",
            f"{len(refused)} refused, median {cuts[9] * 1000:.0f} ms, 95 % in {cuts[18] * 1000:.0f} ms",
            f"others {dict(others)}",
            f"{most:.0f} MB at most",
            f"answers {recovery:.2f} s after the last",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("recordings", nargs="+")
    parser.add_argument("--only", choices=[*FAULTS, "overload"])
    parser.add_argument("--seconds", type=float, default=20.0, help="of the overload (default: 20)")
    parser.add_argument("--times", type=float, default=10.0, help="what the service can (default: 10)")
    parser.add_argument("--options", default="{beam_size: 10}", help="decoding options (default: {beam_size: 10})")
    args = parser.parse_args()
    with service([args.bundle], args.options) as (port, pid):
        target = Target(port, pid, args.recordings)
        asyncio.run(target.status(target.content))
        for name, fault in FAULTS.items():
            if args.only in (None, name):
                report(name, target, asyncio.run(fault(target)))
        if args.only in (None, "overload"):
            speed = loaded(port, args.recordings, 32, 10.0).speed
            print(f"{speed:.1f} seconds of speech in a second with 32 clients", flush=True)
            report("overload", target, asyncio.run(overload(target, speed, args.times, args.seconds)))


def report(name: str, target: Target, found: str) -> None:
    """Print what a fault led to, and whether the service answers behind it."""
    start = time.perf_counter()
    status = asyncio.run(target.status(target.content))
    took = time.perf_counter() - start
    print(f"{name}: {found}; then {status} in {took:.2f} s, {memory(target.pid):.0f} MB", flush=True)


if __name__ == "__main__":
    main()
