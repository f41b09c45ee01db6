"""Connections that begin no request."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("uvicorn")

from espnet2.serving.connections import PERIOD, PatientProtocol


class Connection:
    """Stands for a connection: looks at it are made by hand."""

    def __init__(self) -> None:
        self.closed, self.owner, self.planned = False, None, []
        self.protocol = object.__new__(PatientProtocol)
        self.protocol.transport = SimpleNamespace(
            is_closing=lambda: self.closed, close=self.close, get_protocol=lambda: self.owner or self.protocol
        )
        self.protocol.loop = SimpleNamespace(call_later=lambda *planned: self.planned.append(planned))
        self.protocol.cycle = None
        self.protocol._look(None, False)

    def close(self) -> None:
        self.closed = True

    def look(self) -> bool:
        """Make the look that is planned; returns whether the connection is closed."""
        seconds, look, *given = self.planned.pop()
        assert seconds == PERIOD and not self.planned
        look(*given)
        return self.closed


def request(complete: bool) -> SimpleNamespace:
    return SimpleNamespace(response_complete=complete)


def test_one_that_says_nothing_is_closed_at_the_second_look():
    assert Connection().look()


def test_one_whose_request_runs_is_left_alone_and_closed_when_no_other_follows():
    connection = Connection()
    connection.protocol.cycle = request(complete=False)
    assert not connection.look() and not connection.look()
    connection.protocol.cycle.response_complete = True
    assert not connection.look() and connection.look()


def test_one_with_a_request_since_the_last_look_is_left_alone():
    connection = Connection()
    for _ in range(3):
        connection.protocol.cycle = request(complete=True)
        assert not connection.look()
    assert connection.look()


def test_one_that_has_become_a_websocket_is_looked_at_no_more():
    connection = Connection()
    connection.owner = object()
    assert not connection.look() and not connection.planned
