"""The application of a service: its paths, and what they answer."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from espnet2.interface.errors import HALVES, EspnetError, listed, reason_of
from espnet2.serving.decoding import AudioDecoder, Samples
from espnet2.serving.guard import FAILED, Guard, RefusedError, Room, Share, refusal
from espnet2.serving.limits import Limits
from espnet2.serving.metrics import Metrics
from espnet2.serving.models import Model
from espnet2.serving.scheduler import BusyError, Ticket
from espnet2.serving.speech import spoken
from espnet2.serving.threads import Answer, in_thread, iterate_in_threads, while_connected
from espnet2.serving.transcriptions import RESPONSES, Wanted, events
from espnet2.serving.websocket import live

_T = TypeVar("_T")

MB = 1 << 20
GONE = 499  # status, in figures alone, of a client that has hung up, as web servers have it
CREATED = 1_700_000_000  # time of a model, which clients want to have
FULL = (errno.ENOSPC, errno.EDQUOT)  # errors of a disk without room
FORM_TYPE = "multipart/form-data"
FLAGS = {"true": True, "1": True, "false": False, "0": False}
GRANULARITIES = ("segment", "word")
REFUSALS = {  # by status, as the interface has them
    400: "The request is not understood, or its recording or text cannot be used",
    401: "The request does not bear the token of this service",
    404: "There is no such model, or none that does this",
    408: "The body has not arrived in time",
    413: "The body, or its text, is too large",
    429: "The service has as many requests, or as many bytes of them, as it takes",
    500: "The service has failed",
    504: "There was no result before the deadline",
    507: "The disk of the service is full",
}
ANY = (401, 413, 429, 500)  # statuses of any path
_FAULT = {"type": "object", "properties": {"message": {"type": "string"}, "code": {"type": "integer"}}}
ERROR = {"type": "object", "required": ["error"], "properties": {"error": _FAULT}}
SENTENCES = {  # by status
    404: "path: expected one of those in /openapi.json, found {path}",
    405: "method: expected {allowed}, found {method}",
}
OF_FORMS = "body: expected a form with a recording, found: {found}"


def make_service(
    models: Mapping[str, Model], limits: Limits, token: str | None = None, directory: str | None = None
) -> Guard:
    """The ASGI application that serves these models.

    Args:
        models: By name.
        limits: Of requests.
        token: That requests have to bear, if there is one.
        directory: Of figures that several processes share, see `Metrics`.
    """
    metrics = Metrics(models, directory)
    app = make_app(models, limits, metrics)
    room = Room(int(limits.total_megabytes * MB))
    return Guard(app, token, int(limits.megabytes * MB), room, limits.patience, metrics.observe)


def make_app(models: Mapping[str, Model], limits: Limits, metrics: Metrics) -> FastAPI:
    """The application behind the guard."""
    decoder = AudioDecoder(most_seconds=limits.seconds)

    description = "Speech recognition, translation and synthesis"
    # An address of a redirection would be made of what the client says that this host is called.
    running = functools.partial(_running, models, decoder, metrics)
    app = FastAPI(title="ESPnet", description=description, lifespan=running, redirect_slashes=False)
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.state.models = models
    recordings = Recordings(models, decoder, limits, metrics)
    for verb, path in (("transcribe", "transcriptions"), ("translate", "translations")):
        app.add_api_route(
            f"/v1/audio/{path}",
            functools.partial(recordings.answer, verb=verb),
            methods=["POST"],
            summary=f"{verb.capitalize()} a recording",
            openapi_extra={"requestBody": FORM},
            responses=_refusals(400, 404, 408, 504, 507),
        )

    @app.post(
        "/v1/audio/speech",
        summary="Synthesize speech",
        openapi_extra={"requestBody": TEXT},
        responses=_refusals(400, 404, 408, 504),
    )
    async def speech(request: Request) -> Response:
        return await spoken(
            request, lambda name: chosen(models, "speak", name), int(limits.characters), limits.deadline
        )

    @app.websocket("/v1/stream")
    async def stream(socket: WebSocket) -> None:
        await live(socket, lambda name: chosen(models, "stream", name), metrics)

    @app.get("/v1/models", summary="The models of this service", responses=_refusals())
    async def list_models() -> dict[str, Any]:
        return {"object": "list", "data": [described(name, model) for name, model in models.items()]}

    @app.get("/v1/models/{name}", summary="A model of this service", responses=_refusals(404))
    async def get_model(name: str) -> dict[str, Any]:
        if name not in models:
            raise RefusedError(404, f"model: expected one of {listed(models)}, found {name!r}")
        return described(name, models[name])

    @app.get("/healthz", summary="Whether the service answers", responses=_refusals())
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metrics", summary="Figures for Prometheus", responses=_refusals())
    async def figures() -> PlainTextResponse:
        return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4")

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8"))

    return app


@contextlib.asynccontextmanager
async def _running(
    models: Mapping[str, Model], decoder: AudioDecoder, metrics: Metrics, app: FastAPI
) -> AsyncIterator[None]:
    """Keep figures fresh, and close models and decoder when the block ends."""
    refreshing = asyncio.ensure_future(metrics.keep_fresh())
    yield
    refreshing.cancel()
    for model in models.values():
        await in_thread(model.close)
    decoder.close()


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a path in the interface: with these statuses, and those that any path has."""
    content = {"application/json": {"schema": ERROR}}
    return {status: {"description": REFUSALS[status], "content": content} for status in sorted({*ANY, *statuses})}


def described(name: str, model: Model) -> dict[str, Any]:
    """A model as OpenAI's clients know it, and what it does."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "espnet", "verbs": model.verbs}


def chosen(models: Mapping[str, Model], verb: str, name: Any) -> Any:
    """The model of that name, or the first that does what is asked for: clients name models of others, too."""
    able = {key: model for key, model in models.items() if verb in model.verbs}
    if not able:
        raise RefusedError(404, f"model: expected one that can {verb}, found {listed(models)}")
    return able.get(name if isinstance(name, str) else "", next(iter(able.values())))


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, RefusedError):
        return refusal(error.status, error.message, error.seconds)
    if isinstance(error, BusyError):
        return refusal(429, str(error), error.seconds)
    return refusal(400, str(error))


async def _unknown(request: Request, error: Any) -> Response:
    """The answer to a request for which there is no path, no method, or no form, in the words of a `RefusedError`."""
    allowed = (error.headers or {}).get("Allow", "")
    sentence = SENTENCES.get(error.status_code, OF_FORMS).format(
        path=request.url.path, method=request.method, allowed=allowed, found=error.detail
    )
    answer = refusal(error.status_code, RefusedError(error.status_code, sentence).message)
    answer.headers.update(error.headers or {})
    return answer


async def _failed(request: Request, error: Exception) -> Response:
    """The answer where the service has failed, whose log has the error."""
    if isinstance(error, OSError) and error.errno in FULL:
        return refusal(507, f"service: expected room on its disk, found none: {reason_of(error)}")
    return refusal(500, FAILED)


async def _gone(request: Request, error: Exception) -> Response:
    """The answer to a client that has gone in the middle of its request."""
    return Response(status_code=GONE)


HANDLERS: Mapping[type[Exception], Callable[..., Any]] = {
    RefusedError: _refused,
    EspnetError: _refused,
    HTTPException: _unknown,
    ClientDisconnect: _gone,
    Exception: _failed,
}


class Asked(NamedTuple):
    """A request with a recording.

    Attributes:
        model: That answers it.
        samples: Of the recording.
        kind: Of the answer, a name in `RESPONSES`.
        wanted: Further wishes.
        streamed: Whether segments are sent as they come.
    """

    model: Any
    samples: Samples
    kind: str
    wanted: Wanted
    streamed: bool


class Recordings:
    """Answers requests with recordings."""

    def __init__(self, models: Mapping[str, Model], decoder: AudioDecoder, limits: Limits, metrics: Metrics) -> None:
        self.models, self.decoder, self.limits, self.metrics = models, decoder, limits, metrics

    async def answer(self, request: Request, verb: str) -> Response:
        """Recognise the recording of a form; raises `RefusedError` and `EspnetError`."""
        ticket = Ticket(time.monotonic() + self.limits.deadline)
        with contextlib.ExitStack() as running:
            asked = await self._asked(request, verb, ticket, running)
            segments = asked.model.segments(asked.samples, ticket, verb, asked.wanted.language)
            if asked.streamed:
                first = await while_connected(request, ticket, lambda: list(itertools.islice(segments, 1)))
                answer = Answer(events(itertools.chain(first, segments)), running.pop_all())
                return StreamingResponse(iterate_in_threads(answer, ticket.give_up), media_type="text/event-stream")
            found = await while_connected(request, ticket, lambda: list(segments))
        media_type, write = RESPONSES[asked.kind]
        return Response(write(found, asked.samples.seconds, asked.wanted), media_type=media_type)

    async def _asked(self, request: Request, verb: str, ticket: Ticket, running: contextlib.ExitStack) -> Asked:
        """Read a form; what ends with the answer is added to `running`."""
        await self._require_room(request, verb)
        async with _form(request) as form:
            upload = form.get("file")
            if upload is None or isinstance(upload, str):
                raise RefusedError(400, "file: expected a recording in a form, found none")
            model = chosen(self.models, verb, _text(form, "model"))
            kind = _text(form, "response_format") or "json"
            if kind not in RESPONSES:
                raise RefusedError(400, f"response_format: expected one of {listed(RESPONSES)}, found {kind!r}")
            wanted = Wanted(verb, _text(form, "language"), _words(form))
            streamed = _flag(form, "stream")
            running.enter_context(model.admitted())
            share: Share = request.state.share
            decode = functools.partial(self._decoded, upload, model.sample_rate, ticket, share)
            samples = await while_connected(request, ticket, decode)
        running.callback(samples.close)
        share.take(samples.size)
        self.metrics.audio.labels(model.name).inc(samples.seconds)
        return Asked(model, samples, kind, wanted, streamed)

    async def _require_room(self, request: Request, verb: str) -> None:
        """Raise `BusyError` where the only model takes no more; the body, which takes time, is not looked at."""
        models = [model for model in self.models.values() if verb in model.verbs]
        if len(models) == 1:  # of several, the form names one
            try:
                models[0].require_room()
            except BusyError:
                async for _ in request.stream():
                    pass
                raise

    def _decoded(self, upload: Any, rate: int, ticket: Ticket, share: Share) -> Samples:
        with share.lent(upload.size), tempfile.NamedTemporaryFile() as file:
            while block := upload.file.read(MB):
                file.write(block)
            file.flush()
            return self.decoder(Path(file.name), rate, "file", ticket)


@contextlib.asynccontextmanager
async def _form(request: Request) -> AsyncIterator[FormData]:
    """The form of a request, whose files are gone when the block ends; raises `RefusedError`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise RefusedError(400, f"file: expected a recording in a form ({FORM_TYPE}), found none")
    try:
        form = await request.form(max_files=1, max_fields=20)
    except UnicodeError:  # of a charset that the client has made up
        raise RefusedError(400, "body: expected a form in UTF-8, found another charset") from None
    try:
        yield form
    finally:
        await form.close()


def _text(form: FormData, name: str) -> str | None:
    """A field of a form; raises `RefusedError` for a file in its place, or what is no text."""
    value = form.get(name)
    if value is not None and not isinstance(value, str):
        raise RefusedError(400, f"{name}: expected a text, found a file")
    if value and HALVES.search(value):
        raise RefusedError(400, f"{name}: expected a text, found one with halves of characters: {value!r}")
    return value or None


def _flag(form: FormData, name: str) -> bool:
    given = _text(form, name) or "false"
    if given.lower() not in FLAGS:
        raise RefusedError(400, f"{name}: expected true or false, found {given!r}")
    return FLAGS[given.lower()]


def _words(form: FormData) -> bool:
    """Whether times of words are wanted; raises `RefusedError`."""
    name = "timestamp_granularities[]"
    given = form.getlist(name)
    for value in given:
        if value not in GRANULARITIES:
            raise RefusedError(400, f"{name}: expected {' or '.join(GRANULARITIES)}, found {value!r}")
    return "word" in given


_FILE = {"type": "string", "format": "binary"}
_FIELDS = {
    "file": _FILE,
    "model": {"type": "string"},
    "language": {"type": "string"},
    "response_format": {"type": "string", "enum": list(RESPONSES)},
    "timestamp_granularities[]": {"type": "array", "items": {"type": "string", "enum": list(GRANULARITIES)}},
    "stream": {"type": "boolean"},
}
FORM = {"content": {FORM_TYPE: {"schema": {"type": "object", "required": ["file"], "properties": _FIELDS}}}}
_WORDS = {
    "input": {"type": "string"},
    "model": {"type": "string"},
    "voice": {"type": "string"},
    "response_format": {"type": "string", "enum": ["wav", "flac", "pcm"]},
    "speed": {"type": "number"},
}
TEXT = {"content": {"application/json": {"schema": {"type": "object", "required": ["input"], "properties": _WORDS}}}}
