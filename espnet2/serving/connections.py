"""Connections of clients that take their time: uvicorn bounds the time between two requests, not that to a request."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

PERIOD = 10.0  # seconds; a connection that has no request from one look to the next is closed

_Protocol: Any = AutoHTTPProtocol


class PatientProtocol(_Protocol):
    """uvicorn's protocol, which closes connections whose requests do not begin."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to look after a connection."""
        super().connection_made(transport)
        self._look(None, False)

    def _look(self, last: Any, waited: bool) -> None:
        """Close a connection that has waited for a request behind `last` since the look before."""
        if self.transport.is_closing() or self.transport.get_protocol() is not self:  # it is a WebSocket's now
            return
        waits = self.cycle is None or self.cycle.response_complete
        if waits and waited and self.cycle is last:
            self.transport.close()
            return
        self.loop.call_later(PERIOD, self._look, self.cycle, waits)
