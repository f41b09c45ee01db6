"""Live streams over WebSocket: pieces of PCM in, partial and final texts out.

A client connects to `/v1/stream?model=NAME&rate=16000` and sends binary messages, signed 16-bit samples of one channel,
the low byte first, or with `format=opus` a packet of Opus each; the text message `{"type": "end"}` ends the stream. It
gets text messages:
`{"type": "partial", "text": ...}` whenever the text has changed, `{"type": "final", "text": ..., "words": [...]}` after
the end, and `{"type": "error", "message": ...}` before the service closes the connection.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

from espnet2.interface.errors import EspnetError
from espnet2.runtime.results import AnyResult
from espnet2.runtime.timestamps import Timestamps
from espnet2.serving.guard import FAILED, RefusedError
from espnet2.serving.messages import parse_object
from espnet2.serving.metrics import Metrics
from espnet2.serving.opus import RATE, OpusPackets
from espnet2.serving.stream_hub import LiveStream
from espnet2.serving.threads import in_thread
from espnet2.utils.json_file import json_text

RATES, DIGITS = (8000, 192_000), 6  # Hz, and characters of such a number
COMMAND = 1000  # characters of a text message
LARGE = 1 << 16  # bytes of a message that takes so long to decode that other connections would wait
PATIENCE = 30.0  # seconds without a message, after which a stream is closed
POLICY, TROUBLE = 1008, 1011  # codes of WebSocket

_log = logging.getLogger(__name__)


async def live(socket: WebSocket, model_of: Callable[[str | None], Any], metrics: Metrics) -> None:
    """Serve one connection."""
    await socket.accept()
    loop, found = asyncio.get_running_loop(), asyncio.Queue[Any]()
    stream: LiveStream | None = None
    try:
        model = model_of(socket.query_params.get("model"))
        rate, decode = _decoder(socket.query_params, model.sample_rate)
        stream = model.hub.open(lambda *news: loop.call_soon_threadsafe(found.put_nowait, news))
        sender = asyncio.ensure_future(_send(socket, found, model.timestamps))
        counter = metrics.audio.labels(model.name)
        taken = Samples(rate, decode, _resampler(rate, model.sample_rate), counter)
        receiver = asyncio.ensure_future(_receive(socket, stream, taken))
        try:
            done, _ = await asyncio.wait([sender, receiver], return_when=asyncio.FIRST_COMPLETED)
            if receiver in done and receiver.exception() is None:
                await sender
        finally:
            sender.cancel()
            receiver.cancel()
        for task in done:
            task.result()
        await socket.close()
    except WebSocketDisconnect:
        pass
    except (RefusedError, EspnetError) as error:
        await _refuse(socket, str(error), POLICY)
    except Exception:
        _log.exception("a stream has failed")
        await _refuse(socket, FAILED, TROUBLE)
    finally:
        if stream is not None:
            stream.close()


def _decoder(query: Mapping[str, str], own: int) -> tuple[int, Callable[[bytes], np.ndarray]]:
    """The rate of a client's samples, and what decodes its messages; raises `RefusedError` and `EspnetError`."""
    kind = query.get("format", "pcm")
    if kind == "opus":
        return RATE, OpusPackets()
    if kind != "pcm":
        raise RefusedError(400, f"format: expected pcm or opus, found {kind[:20]!r}")
    return _rate(query.get("rate"), own), PcmPieces()


class PcmPieces:
    """Decodes signed 16-bit samples, the low byte first, which pieces may cut in the middle."""

    def __init__(self) -> None:
        self._rest = b""

    def __call__(self, piece: bytes) -> np.ndarray:
        """The samples (T,) of the next bytes, float32 in [-1, 1)."""
        data = self._rest + piece
        whole = len(data) & ~1
        self._rest = data[whole:]
        return np.frombuffer(data[:whole], "<i2").astype(np.float32) / 32768


class Samples(NamedTuple):
    """Samples of a client as the model takes them.

    Attributes:
        rate: Of what is decoded, in Hz.
        decode: Makes samples of a message.
        resample: Makes them those of the model's rate.
        counter: Of seconds.
    """

    rate: int
    decode: Callable[[bytes], np.ndarray]
    resample: Callable[[np.ndarray, bool], np.ndarray]
    counter: Any

    def of(self, message: bytes) -> np.ndarray:
        """Samples (T,) of a message, at the model's rate."""
        samples = self.decode(message)
        self.counter.inc(len(samples) / self.rate)
        return self.resample(samples, False)

    def rest(self) -> np.ndarray:
        """Samples that remain at the end."""
        return self.resample(np.zeros(0, np.float32), True)


def _rate(given: str | None, own: int) -> int:
    if given is None:
        return own
    if not given.isdecimal() or len(given) > DIGITS or not RATES[0] <= int(given) <= RATES[1]:
        raise RefusedError(400, f"rate: expected a number of Hz from {RATES[0]} to {RATES[1]}, found {given[:20]!r}")
    return int(given)


def _resampler(rate: int, own: int) -> Callable[[np.ndarray, bool], np.ndarray]:
    """A function from the next samples of a stream to those at the model's rate; the flag tells the last."""
    if rate == own:
        return lambda samples, is_final: samples
    import soxr

    stream = soxr.ResampleStream(rate, own, 1, dtype="float32", quality="HQ")
    return lambda samples, is_final: stream.resample_chunk(samples, is_final)


async def _receive(socket: WebSocket, stream: LiveStream, taken: Samples) -> None:
    """Pass on what a client sends, until the end of its stream."""
    while True:
        try:
            message = await asyncio.wait_for(socket.receive(), PATIENCE)
        except asyncio.TimeoutError:
            raise RefusedError(408, f"stream: expected a message within {PATIENCE:g} s, found none") from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        if message.get("bytes") is not None:
            decode = functools.partial(taken.of, message["bytes"])
            stream.extend(await in_thread(decode) if len(message["bytes"]) > LARGE else decode())
        elif _is_end(message.get("text") or ""):
            stream.extend(taken.rest(), is_final=True)
            return
        else:
            raise RefusedError(400, 'stream: expected samples or {"type": "end"}, found another message')


def _is_end(text: str) -> bool:
    """Whether a text message ends a stream."""
    return len(text) <= COMMAND and (parse_object(text) or {}).get("type") == "end"


async def _send(socket: WebSocket, found: asyncio.Queue[Any], timestamps: Timestamps | None) -> None:
    """Send the texts of a stream until the final one."""
    last = ""
    while True:
        results, is_final = await found.get()
        if isinstance(results, BaseException):
            raise results
        text = (results[0].text or " ".join(results[0].token)) if results else ""
        if is_final:
            await socket.send_text(json_text({"type": "final", "text": text, "words": _words(results, timestamps)}))
            return
        if text != last:
            await socket.send_text(json_text({"type": "partial", "text": text}))
            last = text


def _words(results: list[AnyResult], timestamps: Timestamps | None) -> list[dict[str, Any]]:
    """Words of the best result with their times in seconds, where they are known."""
    if timestamps is None or not results:
        return []
    times = timestamps.times(results[0].token, results[0].hypothesis.frames)
    return [{"word": item.text, "start": round(item.start, 3), "end": round(item.end, 3)} for item in times]


async def _refuse(socket: WebSocket, message: str, code: int) -> None:
    try:
        await socket.send_text(json_text({"type": "error", "message": message}))
        await socket.close(code)
    except (RuntimeError, WebSocketDisconnect):  # the client has gone
        pass
