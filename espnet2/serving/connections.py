"""Connections of clients that take their time, or send heads without end: uvicorn bounds neither."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakSet

from uvicorn.protocols.http.auto import AutoHTTPProtocol

PERIOD = 10.0  # seconds; a connection that has no request from one look to the next is closed
STALLED = 60.0  # seconds without reading of a client for which an answer waits
MOST_HEAD = 1 << 20  # bytes of a request that are no body; one read of a connection may have 256 KiB of them

_Protocol: Any = AutoHTTPProtocol
_CLOSING, _UPGRADED = object(), object()


class _OnHttptools(_Protocol):
    """uvicorn's protocol on httptools, which takes many requests of a client at once, and heads of any length.

    It keeps lines of a head, or behind a body, however many come; and at the end of a connection it tells the last
    request alone that its client is gone, while one before it runs.
    """

    _head = 0  # bytes since the last of a body, or the end of a head

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin a connection."""
        self._requests: WeakSet[Any] = WeakSet()
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell all requests that their client is gone."""
        for request in self._requests:
            request.disconnected = True
            request.message_event.set()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and refuse a head that is too long."""
        self._head += len(data)
        super().data_received(data)
        if self._head > MOST_HEAD and not self.transport.is_closing():
            self.send_400_response("Expected a shorter head of a request.")

    def on_headers_complete(self) -> None:
        """Begin a request."""
        self._head = 0
        super().on_headers_complete()
        if self.cycle is not None:
            self._requests.add(self.cycle)

    def on_body(self, body: bytes) -> None:
        """Take bytes of a body."""
        self._head = 0
        super().on_body(body)


# h11 bounds heads itself, and takes one request after the other.
_Base: Any = _OnHttptools if hasattr(_Protocol, "on_headers_complete") else _Protocol


class PatientProtocol(_Base):
    """uvicorn's protocol, which ends connections whose requests do not begin, and those that take no answer."""

    _stalled: asyncio.TimerHandle | None = None
    _is_lost = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to look after a connection."""
        super().connection_made(transport)
        self._look(None, False)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget a connection."""
        self._is_lost = True
        self._go_on()
        super().connection_lost(error)

    def pause_writing(self) -> None:
        """Wait for a client to read; one that does not is cut off, and what works for it ends."""
        self._stalled = self.loop.call_later(STALLED, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Send more."""
        self._go_on()
        super().resume_writing()

    def _go_on(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _look(self, last: Any, waited: bool) -> None:
        """Close a connection that has waited since the look before: for a request behind `last`, or to be a WebSocket.

        One that is closing, which takes until its client has read all, is cut off instead.
        """
        if self._is_lost:
            return
        owner, end = self.transport.get_protocol(), self.transport.close
        if self.transport.is_closing():
            current, waits, end = _CLOSING, True, self.transport.abort
        elif owner is not self:  # it is a WebSocket's now, which looks after itself once it is open
            current, waits = _UPGRADED, not getattr(owner, "handshake_complete", True)
        else:
            current, waits = self.cycle, self.cycle is None or self.cycle.response_complete
        if waits and waited and current is last:
            end()
            if current is _CLOSING:
                return
        self.loop.call_later(PERIOD, self._look, current, waits)
