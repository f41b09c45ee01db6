"""Speech of texts, as OpenAI's clients ask for it."""

from __future__ import annotations

import contextlib
import functools
import io
import struct
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np
from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from espnet2.interface.errors import listed
from espnet2.runtime.option_fields import is_finite
from espnet2.serving.guard import RefusedError
from espnet2.serving.messages import parse_object
from espnet2.serving.scheduler import Ticket
from espnet2.serving.threads import Answer, in_thread, iterate_in_threads, while_connected

UNKNOWN = 0xFFFFFFFF  # length of a WAV file that is not known when its header is sent
FORMATS = {"wav": "audio/wav", "pcm": "audio/pcm", "flac": "audio/flac"}
STREAMED = ("wav", "pcm")
SPEEDS = (0.25, 4.0)
DIGITS = 9  # of the number of a voice
ESCAPED = 12  # bytes of a character in JSON, at most
OTHERS = 1 << 16  # bytes of all else in a request


async def spoken(
    request: Request, model_of: Callable[[str | None], Any], most_characters: int, deadline: float
) -> Response:
    """Answer a request for speech: WAV and PCM as the vocoder works, FLAC when all is there.

    Raises:
        RefusedError: A request that is not understood.
        EspnetError: A text that cannot be spoken.
    """
    wanted = parse_object(await _body(request, ESCAPED * most_characters + OTHERS))
    if wanted is None:
        raise RefusedError(400, "body: expected a JSON object, found none")
    text = wanted.get("input")
    if not isinstance(text, str) or not text.strip():
        raise RefusedError(400, "input: expected a text, found none")
    if len(text) > most_characters:
        raise RefusedError(413, f"input: expected at most {most_characters} characters, found {len(text)}")
    kind = wanted.get("response_format", "wav")
    if not isinstance(kind, str) or kind not in FORMATS:
        raise RefusedError(400, f"response_format: expected one of {listed(FORMATS)}, found {kind!r}")
    model = model_of(wanted.get("model"))
    ticket = Ticket(time.monotonic() + deadline)
    with contextlib.ExitStack() as running:
        running.enter_context(model.admitted())
        pieces = model.samples(text, ticket, **_voice(wanted))
        running.callback(pieces.close)
        begin = functools.partial(next, pieces, np.zeros(0, np.float32))
        first = await while_connected(request, ticket, begin)  # errors come before the answer begins
        if kind in STREAMED:
            head = wav_header(model.sample_rate) if kind == "wav" else b""
            answer = Answer(_bytes(head, first, pieces), running.pop_all())
            return StreamingResponse(iterate_in_threads(answer, ticket.give_up), media_type=FORMATS[kind])
        whole = await while_connected(request, ticket, lambda: np.concatenate([first, *pieces]))
    return Response(await in_thread(lambda: _flac(whole, model.sample_rate)), media_type=FORMATS[kind])


async def _body(request: Request, most: int) -> bytes:
    """The body of a request; raises `RefusedError` for more bytes than a text may have: as JSON they take many times
    their size in memory."""
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > most:
            raise RefusedError(413, f"body: expected at most {most} bytes of JSON, found more")
    return bytes(found)


def _voice(wanted: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a synthesiser for the voice, a number of a speaker, and the speed that are asked for."""
    voice, speed = wanted.get("voice"), wanted.get("speed", 1.0)
    if not is_finite(speed) or not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise RefusedError(400, f"speed: expected a number from {SPEEDS[0]} to {SPEEDS[1]}, found {speed!r}")
    options: dict[str, Any] = {} if speed == 1.0 else {"decode_conf": {"speed_control_alpha": 1 / speed}}
    voice = str(voice) if isinstance(voice, int) else voice
    if isinstance(voice, str) and voice.isdecimal() and len(voice) <= DIGITS:
        options["sids"] = int(voice)
    return options


def _bytes(head: bytes, first: np.ndarray, pieces: Iterator[np.ndarray]) -> Generator[bytes, None, None]:
    yield head + pcm16(first)
    yield from map(pcm16, pieces)


def pcm16(samples: np.ndarray) -> bytes:
    """Samples in [-1, 1] as 16-bit numbers, the low byte first."""
    return (np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes()


def wav_header(rate: int) -> bytes:
    """The header of a WAV file of one channel and 16 bits, of unknown length."""
    form = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", UNKNOWN, b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return form + struct.pack("<4sI", b"data", UNKNOWN)


def _flac(samples: np.ndarray, rate: int) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()
