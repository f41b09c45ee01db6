"""Connections that begin no request, do not end one, or take no answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from types import SimpleNamespace

import pytest

pytest.importorskip("uvicorn")

import uvicorn

from espnet2.serving import connections
from espnet2.serving.connections import MOST_HEAD, PERIOD, PatientProtocol


class Connection:
    """Stands for a connection: looks at it are made by hand."""

    def __init__(self) -> None:
        self.closed, self.cut_off, self.owner, self.planned = False, False, None, []
        self.protocol = object.__new__(PatientProtocol)
        self.protocol.transport = SimpleNamespace(
            is_closing=lambda: self.closed,
            close=self.close,
            abort=self.cut,
            get_protocol=lambda: self.owner or self.protocol,
        )
        self.protocol.loop = SimpleNamespace(call_later=lambda *planned: self.planned.append(planned))
        self.protocol.cycle = None
        self.protocol._look(None, False)

    def close(self) -> None:
        self.closed = True

    def cut(self) -> None:
        self.cut_off = True

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


@pytest.mark.parametrize("complete", [True, False], ids=["open", "not open"])
def test_one_that_has_become_a_websocket_is_left_alone_once_that_is_open(complete):
    connection = Connection()
    connection.owner = SimpleNamespace(handshake_complete=complete)
    assert not connection.look() and connection.look() is not complete


def test_one_whose_client_does_not_read_its_end_is_cut_off():
    connection = Connection()
    assert connection.look() and not connection.cut_off
    connection.look()
    assert not connection.cut_off
    connection.look()
    assert connection.cut_off and not connection.planned


def test_one_that_is_lost_is_looked_at_no_more():
    connection = Connection()
    connection.protocol._is_lost = True
    connection.look()
    assert not connection.planned


@pytest.fixture(scope="module")
def service():
    """The address of a service that answers with 64 MB, and an event for the end of an answer to `/waits`.

    That to `/hangs` ends once its client is gone.
    """
    ended = threading.Event()

    async def app(scope, receive, send):
        if scope["path"] == "/hangs":
            await receive()
            if (await asyncio.wait_for(receive(), 2))["type"] == "http.disconnect":
                ended.set()
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await receive()).get("more_body"):
            pass
        for _ in range(1024):
            await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})
        if scope["path"] == "/waits":
            ended.set()

    server = uvicorn.Server(uvicorn.Config(app, http=PatientProtocol, lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield listening.getsockname(), ended
        server.should_exit = True
        thread.join()


GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "begin, more",
    [(b"GET /", b"a" * 999), (GET + b"X: ", b"a" * 999), (GET, b"X: y\r\n" * 99), (POST + b"0\r\n", b"X: y\r\n" * 99)],
    ids=["address", "line", "lines", "lines behind a body"],
)
def test_a_head_without_end_ends_its_connection(service, begin, more):
    address, _ = service
    with socket.create_connection(address, timeout=10) as client, contextlib.suppress(ConnectionError):
        client.sendall(begin)
        sent = 0
        while sent < 8 * MOST_HEAD:
            client.sendall(more)
            sent += len(more)
        pytest.fail("all of it was taken")


def test_a_client_that_does_not_read_is_cut_off(service, monkeypatch):
    address, ended = service
    monkeypatch.setattr(connections, "STALLED", 0.1)
    with socket.create_connection(address, timeout=10) as client:
        client.sendall(GET.replace(b"/", b"/waits", 1) + b"\r\n")
        assert ended.wait(10)
        with contextlib.suppress(ConnectionError):
            assert sum(iter(lambda: len(client.recv(1 << 20)), 0)) < 1 << 26


@pytest.mark.parametrize("behind", [0, 1, 9])
def test_a_request_is_told_that_its_client_is_gone(service, behind):
    address, ended = service
    ended.clear()
    with socket.create_connection(address, timeout=10) as client:
        client.sendall((GET.replace(b"/", b"/hangs", 1) + b"\r\n") + (GET + b"\r\n") * behind)
        assert not ended.wait(0.1)
    assert ended.wait(10)
