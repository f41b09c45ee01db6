"""Limits of requests, before anything reads them: who asks, how many bytes, and how long they may take to arrive."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.responses import JSONResponse

from espnet2.interface.errors import printable, shortened

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

DIGITS = 18  # of a number of bytes
OPEN = ("/", "/healthz")  # paths that need no token
FAILED = "service: expected a result, found an error of its own, which its log has"
FULL_SECONDS = 5.0  # after which a request is worth another attempt, where others hold too many bytes


class RefusedError(Exception):
    """A request that is refused with a status; the application around which a `Guard` is has to answer it."""

    def __init__(self, status: int, message: str, seconds: float | None = None) -> None:
        self.status, self.message, self.seconds = status, shortened(printable(message)), seconds
        super().__init__(self.message)


def refusal(status: int, message: str, seconds: float | None = None) -> JSONResponse:
    """An answer in the form that OpenAI's clients know; `seconds`: when to try again."""
    headers = {} if seconds is None else {"Retry-After": str(max(1, round(seconds)))}
    headers |= {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    kind = "invalid_request_error" if status < 500 and status != 429 else "server_error"
    content = {"error": {"message": message, "type": kind, "param": None, "code": status}}
    return JSONResponse(content, status, headers)


class Room:
    """Bytes that all requests may hold at once, in memory and on disk: their bodies, and what is made of them.

    Args:
        most: Bytes; a request that is alone may hold more.
    """

    def __init__(self, most: int) -> None:
        self._most, self._held, self._lock = most, 0, threading.Lock()

    def require(self, size: int, own: int = 0) -> None:
        """Raise `RefusedError` where `size` bytes more are too many for a request that holds `own`."""
        if self._held > own and self._held + size > self._most:
            message = f"service: expected at most {self._most} bytes of all requests at once, found more"
            raise RefusedError(429, message, FULL_SECONDS)

    def add(self, size: int, own: int) -> None:
        """Count bytes more, or fewer, of a request that holds `own`; raises `RefusedError` as `require` does."""
        with self._lock:
            if size > 0:
                self.require(size, own)
            self._held += size


class Share:
    """Bytes of a `Room` that one request holds, until the end of its block."""

    def __init__(self, room: Room) -> None:
        self._room, self._held = room, 0

    def __enter__(self) -> Share:
        return self

    def __exit__(self, *error: object) -> None:
        self.take(-self._held)

    def take(self, size: int) -> None:
        """Hold more bytes, or fewer; raises `RefusedError` where others hold so many that these are too many."""
        self._room.add(size, self._held)
        self._held += size

    @contextlib.contextmanager
    def lent(self, size: int) -> Iterator[None]:
        """Hold more bytes until the end of a block; raises `RefusedError` as `take` does."""
        self.take(size)
        try:
            yield
        finally:
            self.take(-size)


class Guard:
    """ASGI application around another one, whose requests have their `Share` in their state.

    Args:
        app: The other one.
        token: What requests have to bear; None: nothing.
        most_bytes: Of the body of a request.
        room: Of all requests.
        patience: Seconds in which a body has to be there.
        observe: Takes path, status and seconds of each answer.
    """

    def __init__(
        self,
        app: App,
        token: str | None,
        most_bytes: int,
        room: Room,
        patience: float,
        observe: Callable[[str, int, float], None],
    ) -> None:
        self.app, self.token, self.most_bytes, self.patience, self.observe = app, token, most_bytes, patience, observe
        self.room = room

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "http":
            await self._checked(scope, receive, self._observed(scope["path"], send))
        elif scope["type"] == "websocket":
            await self._checked(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _observed(self, path: str, send: Send) -> Send:
        """`send` that notes the status of an answer, and when its end is sent."""
        start, status = time.monotonic(), 0

        async def observed(message: Message) -> None:
            nonlocal status
            await send(message)
            status = message.get("status", status)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self.observe(path, status, time.monotonic() - start)

        return observed

    async def _checked(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if not self._is_allowed(scope, headers):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": "expected a bearer token"})
                return
            await refusal(401, "authorization: expected a bearer token of this service")(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        try:
            self._require_room(headers.get(b"content-length", b"0"))
        except RefusedError as error:
            await refusal(error.status, error.message, error.seconds)(scope, receive, send)
            return
        with Share(self.room) as share:
            scope.setdefault("state", {})["share"] = share
            await self.app(scope, self._bounded(receive, share), send)

    def _require_room(self, length: bytes) -> None:
        """Raise `RefusedError` for a body of a length that cannot be taken."""
        if length.isdigit():
            if len(length) > DIGITS or int(length) > self.most_bytes:
                raise RefusedError(413, self._too_large())
            self.room.require(int(length))

    def _is_allowed(self, scope: Message, headers: dict[bytes, bytes]) -> bool:
        if self.token is None or scope["path"] in OPEN:
            return True
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            given = b""
        if scope["type"] == "websocket" and not given:  # browsers cannot set headers of these
            query = scope.get("query_string", b"")
            given = next((part[6:] for part in query.split(b"&") if part.startswith(b"token=")), b"")
            given = unquote_to_bytes(given.replace(b"+", b" "))
        return hmac.compare_digest(given.strip(), self.token.encode())

    def _too_large(self) -> str:
        return f"body: expected at most {self.most_bytes} bytes, found more"

    def _bounded(self, receive: Receive, share: Share) -> Receive:
        """Source of the messages of a body, within the limits, whose bytes are those of a share."""
        end, size, is_complete = time.monotonic() + self.patience, 0, False

        async def bounded() -> Message:
            nonlocal size, is_complete
            if is_complete:  # what comes now is the end of the connection
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(end - time.monotonic(), 0))
            except asyncio.TimeoutError:
                raise RefusedError(408, f"body: expected all of it within {self.patience:g} s") from None
            size += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if size > self.most_bytes:
                raise RefusedError(413, self._too_large())
            share.take(len(message.get("body", b"")))
            return message

        return bounded
