"""Live streams over WebSocket, and speech: over graphs written in numpy."""

from __future__ import annotations

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi")

import stream_graphs
import synthesis_graphs
from starlette.testclient import TestClient

from espnet.nets.together import Abandoned
from espnet2.runtime.synthesis_options import SynthesisOptions
from espnet2.runtime.tts import Synthesizer
from espnet2.serving.app import make_service
from espnet2.serving.guard import FAILED
from espnet2.serving.limits import Limits
from espnet2.serving.models import Streaming, Synthesis
from espnet2.serving.scheduler import BusyError, Ticket
from espnet2.serving.stream_hub import (
    MOST_AT_ONCE,
    MOST_WAITING,
    PIECE,
    SHARED,
    TOGETHER,
    Recorded,
    StreamHub,
)

END = '{"type": "end"}'
A, B = 2, 3  # tokens


def pcm(*tokens: int) -> bytes:
    return (stream_graphs.slowly(*tokens) * 32768).astype("<i2").tobytes()


def texts(samples: np.ndarray, pieces: int) -> list[str]:
    """Texts of a stream that comes in pieces, each recognised by itself."""
    session = stream_graphs.recognizer().session()
    *others, last = np.array_split(samples, pieces)
    return [session(piece, is_final)[0].text for piece, is_final in [*((p, False) for p in others), (last, True)]]


@pytest.fixture(scope="module")
def client():
    voice = Synthesizer(synthesis_graphs.model("sids"), SynthesisOptions())
    models = {"live": Streaming("live", stream_graphs.recognizer()), "voice": Synthesis("voice", voice)}
    with TestClient(make_service(models, Limits(), "secret")) as client:
        yield client


@pytest.mark.parametrize("size", [4, 10, 10_000], ids="{} bytes".format)
def test_a_stream_has_partial_texts_and_a_final_one(client, size):
    data = pcm(A, B, A)
    with client.websocket_connect("/v1/stream?token=secret") as socket:
        for place in range(0, len(data), size):
            socket.send_bytes(data[place : place + size])
        socket.send_text(END)
        found = [socket.receive_json()]
        while found[-1]["type"] == "partial":
            found.append(socket.receive_json())
    assert found[-1] == {"type": "final", "text": "aba", "words": []}
    assert all("aba".startswith(message["text"]) for message in found)


def test_streams_side_by_side_have_their_own_texts(client):
    sent = [pcm(A, B), pcm(B, B, A), pcm(A)]
    with ExitStack() as stack:
        sockets = [stack.enter_context(client.websocket_connect("/v1/stream?token=secret")) for _ in sent]
        for socket, data in zip(sockets, sent, strict=True):
            socket.send_bytes(data)
            socket.send_text(END)
        for socket, text in zip(sockets, ("ab", "ba", "a"), strict=True):
            while (message := socket.receive_json())["type"] != "final":
                pass
            assert message["text"] == text


@pytest.mark.parametrize(
    "query, sent, message",
    [
        ("", "what", 'stream: expected samples or {"type": "end"}, found another message'),
        (
            "",
            f'{{"type": "end", "x": [{"[]," * 999}[]]}}',
            'stream: expected samples or {"type": "end"}, found another',
        ),
        ("", "[" * 10_000, 'stream: expected samples or {"type": "end"}, found another message'),
        ("&rate=1", None, "rate: expected a number of Hz from 8000 to 192000, found '1'"),
        (f"&rate={'1' * 5000}", None, "rate: expected a number of Hz from 8000 to 192000, found '1"),
        ("", END, "speech: expected at least"),
    ],
)
def test_a_stream_that_is_refused_says_why(client, query, sent, message):
    with client.websocket_connect(f"/v1/stream?token=secret{query}") as socket:
        if sent:
            socket.send_text(sent)
        found = socket.receive_json()
    assert found["type"] == "error" and found["message"].startswith(message)


def test_streams_without_the_token_are_refused(client):
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/v1/stream?token=other"):
        pass


def test_too_many_streams_and_too_much_of_one_are_refused():
    hub = StreamHub(stream_graphs.recognizer(), most=1, threads=0)  # one that does not keep up
    stream = hub.open(lambda results, is_final: None)
    with pytest.raises(BusyError, match="at most 1 streams"):
        hub.open(lambda results, is_final: None)
    stream.extend(np.zeros(6100, np.float32))
    with pytest.raises(BusyError, match="ahead of the results"):
        stream.extend(np.zeros(1, np.float32))
    stream.close()
    assert hub.count == 0
    hub.close()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_streams_of_several_threads_have_the_texts_of_each_alone(threads):
    hub, found, done = StreamHub(stream_graphs.recognizer(), most=20, threads=threads), {}, threading.Semaphore(0)

    def deliver(name):
        def keep(results, is_final):
            found.setdefault(name, []).append((results[0].text if results else "", is_final))
            done.release() if is_final else None

        return keep

    samples = stream_graphs.slowly(A, B, A, B)
    streams = [hub.open(deliver(number)) for number in range(20)]
    for place in range(0, len(samples), 3):
        for stream in streams:
            stream.extend(samples[place : place + 3], place + 3 >= len(samples))
    assert all(done.acquire(timeout=10) for _ in streams)
    hub.close()
    for texts in found.values():
        assert texts[-1] == ("abab", True)
        assert [len(text) for text, _ in texts] == sorted(len(text) for text, _ in texts)  # in the order of the pieces


def test_what_waits_is_shared_out_among_idle_threads():
    hub = StreamHub(stream_graphs.recognizer(), most=20, threads=0)
    for _ in range(20):
        hub.open(lambda results, is_final: None).extend(np.zeros(1, np.float32))
    hub._idle = 3  # others
    assert [len(hub._taken()) for _ in range(2)] == [5, 4]
    hub._idle = 0
    assert len(hub._taken()) == TOGETHER
    hub.close()


def _with_numbers_that_are_none(stream):
    return np.full(6, np.nan, np.float32)


def _with_a_search_that_fails(stream):
    def fail(*arguments):
        raise ValueError("no")

    stream.session.search = fail
    return stream_graphs.slowly(A)


@pytest.mark.parametrize("samples_of", [_with_numbers_that_are_none, _with_a_search_that_fails])
def test_a_stream_that_fails_ends_alone(samples_of):
    hub, found, done = StreamHub(stream_graphs.recognizer(), most=2), {}, threading.Semaphore(0)

    def deliver(name):
        def keep(results, is_final):
            found[name] = results
            done.release()

        return keep

    good, bad = hub.open(deliver("good")), hub.open(deliver("bad"))
    first, rest = np.split(stream_graphs.slowly(A, B), [12])
    hub._step([(bad, samples_of(bad), False), (good, first, False)])
    hub._step([(good, rest, True)])
    assert all(done.acquire(timeout=10) for _ in range(3))
    assert found["good"][0].text == "ab" and isinstance(found["bad"], Exception)
    hub.close()


def test_recordings_are_streams_too(client):
    sent = {text: stream_graphs.slowly(*tokens) for text, tokens in {"ab": (A, B), "ba": (B, A), "a": (A,)}.items()}

    def ask(samples):
        content = io.BytesIO()
        soundfile.write(content, samples, 100, "FLOAT", format="WAV")
        return client.post(
            "/v1/audio/transcriptions",
            files={"file": content.getvalue()},
            headers={"Authorization": "Bearer secret"},
        ).json()

    with ThreadPoolExecutor(len(sent)) as threads:
        assert [*threads.map(ask, sent.values())] == [{"text": text} for text in sent]
    assert ask(np.full(1, 0.1))["error"]["message"].startswith("file: expected at least")
    assert client.app.app.state.models["live"]._recordings.count == 0


def test_a_recording_that_nobody_waits_for_ends(monkeypatch):
    hub, ticket = StreamHub(stream_graphs.recognizer(), most=2, threads=0), Ticket()  # one that does not keep up
    stream = Recorded(hub, ticket)
    threading.Timer(0.05, ticket.give_up).start()
    monkeypatch.setattr("espnet2.serving.stream_hub.LOOK", 0.01)
    with pytest.raises(Abandoned):
        stream(stream_graphs.slowly(A))
    hub.close()
    with pytest.raises(Abandoned):
        Recorded(hub, Ticket())(stream_graphs.slowly(A))


def test_a_graph_that_fails_for_a_stream_ends_no_other(client):
    """The graph of the test takes samples as tokens, of which these are none."""
    with ExitStack() as stack:
        good, bad = (stack.enter_context(client.websocket_connect("/v1/stream?token=secret")) for _ in range(2))
        good.send_bytes(pcm(A))
        bad.send_bytes(b"\xff\x7f" * 100)
        good.send_bytes(pcm(B))
        good.send_text(END)
        while (message := good.receive_json())["type"] == "partial":
            pass
        assert message["text"] == "ab"
        assert bad.receive_json() == {"type": "error", "message": FAILED}


@pytest.mark.parametrize(("shared", "most"), [(SHARED, int(100 * SHARED)), (PIECE, 500)])
def test_one_stream_that_sends_much_has_no_more_of_a_step_than_others(shared, most):
    hub, taken = StreamHub(stream_graphs.recognizer(), most=2, threads=0, shared=shared), []
    many, few = (hub.open(lambda results, is_final: None) for _ in range(2))
    samples = np.arange(1501, dtype=np.float32)
    many.extend(samples[:700])
    many.extend(samples[700:], is_final=True)
    few.extend(samples[:9])
    while hub._ready:
        taken.append(hub._taken())
        few.close()  # so that the other is alone
        with hub._lock:
            for stream, _, _ in taken[-1]:
                stream.is_stepping = False
                hub._note(stream)
    assert sorted(len(piece) for _, piece, _ in taken[0]) == [9, most]
    pieces = [(piece, ends) for step in taken for stream, piece, ends in step if stream is many]
    assert len(pieces[1][0]) == 500
    assert np.array_equal(np.concatenate([piece for piece, _ in pieces]), samples)
    assert [ends for _, ends in pieces] == [False] * (len(pieces) - 1) + [True]


def test_much_at_once_is_refused_while_much_waits():
    hub = StreamHub(stream_graphs.recognizer(), most=3, threads=0)
    first, second, third = (hub.open(lambda results, is_final: None) for _ in range(3))
    first.extend(np.zeros(int(200 * MOST_AT_ONCE), np.float32))  # of a service that is idle
    with pytest.raises(BusyError, match="expected at most 1800 s of all streams waiting, found more"):
        second.extend(np.zeros(int(100 * MOST_WAITING) + 1, np.float32))
    third.extend(np.zeros(int(100 * MOST_WAITING), np.float32))
    first.close()
    second.extend(np.zeros(int(100 * MOST_WAITING) + 1, np.float32))


def test_the_end_of_a_stream_is_taken_however_much_waits():
    hub = StreamHub(stream_graphs.recognizer(), most=1, threads=0)
    stream = hub.open(lambda results, is_final: None)
    stream.extend(np.zeros(6100, np.float32))
    stream.extend(np.zeros(1, np.float32), is_final=True)
    assert stream.ends


@pytest.mark.parametrize("kind", ["wav", "pcm", "flac"])
def test_speech_is_that_of_the_synthesiser(kind):
    own, served = (Synthesizer(synthesis_graphs.model("sids"), SynthesisOptions()) for _ in range(2))  # seeds of theirs
    body = {"input": "ab", "voice": "1", "response_format": kind, "model": "voice"}
    with TestClient(make_service({"voice": Synthesis("voice", served)}, Limits())) as client:
        answer = client.post("/v1/audio/speech", json=body)
    assert answer.status_code == 200, answer.text
    expected = np.concatenate([*own.stream("ab", sids=1)])
    expected = np.round(np.clip(expected, -1, 1) * 32767)
    if kind == "flac":
        found = soundfile.read(io.BytesIO(answer.content), dtype="int16")[0]
    else:
        found = np.frombuffer(answer.content[44 if kind == "wav" else 0 :], "<i2")
    assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_speech_behind_its_deadline_is_none_rather_than_a_part(kind):
    model = Synthesis("voice", Synthesizer(synthesis_graphs.model("sids"), SynthesisOptions()))
    with TestClient(make_service({"voice": model}, Limits(deadline=-1.0))) as client:
        answer = client.post("/v1/audio/speech", json={"input": "ab", "voice": "1", "response_format": kind})
    assert (answer.status_code, answer.json()["error"]["message"][:26]) == (504, "request: expected a result")


def test_a_client_that_takes_its_time_makes_no_other_wait():
    model = Synthesis("voice", Synthesizer(synthesis_graphs.model("sids"), SynthesisOptions()))
    slow = model.samples("ab", Ticket(), sids=1)
    next(slow)
    other = threading.Thread(target=lambda: [*model.samples("ab", Ticket(), sids=2)], daemon=True)
    other.start()
    other.join(10)
    assert not other.is_alive()


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"input": " "}, "input: expected a text"),
        ({"input": "ab", "speed": 9}, "speed: expected a number from 0.25 to 4.0"),
        ({"input": "ab", "response_format": "mp3"}, "response_format: expected one of wav, pcm, flac"),
        ({"input": "ab"}, "sids: expected"),
        ({"input": "ab", "response_format": ["wav"]}, "response_format: expected one of wav, pcm, flac"),
        ({"input": "ab", "response_format": "\ud800" * 5000}, "response_format: expected one of wav, pcm, flac"),
        ({"input": "ab", "speed": 10**350}, "speed: expected a number from 0.25 to 4.0"),
        ({"input": "ab", "voice": "1" * 5000, "model": {"a": 1}}, "sids: expected"),
        ({"input": "ab", "voice": 99}, "sids: expected the number of a speaker from 0 to 2, found 99"),
        ({"input": "ab", "speed": float("nan")}, "speed: expected a number from 0.25 to 4.0, found nan"),
    ],
)
def test_texts_that_cannot_be_spoken(client, fields, message):
    answer = client.post("/v1/audio/speech", content=json.dumps(fields), headers={"Authorization": "Bearer secret"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(message)


@pytest.mark.parametrize("content", [b"[" * 300_000, b'{"input": [' + b"[]," * 70_000 + b"[]]}"], ids=["deep", "many"])
def test_json_of_more_than_a_text_may_have_is_not_parsed(client, content):
    answer = client.post("/v1/audio/speech", content=content, headers={"Authorization": "Bearer secret"})
    assert answer.status_code == 413
    assert answer.json()["error"]["message"].startswith("body: expected at most 185536 bytes of JSON")


def test_a_token_in_an_address_may_have_escapes():
    models = {"live": Streaming("live", stream_graphs.recognizer())}
    address = "/v1/stream?token=s%2B%2F+%3D%C3%A4"
    with TestClient(make_service(models, Limits(), "s+/ =\xe4")) as client, client.websocket_connect(address) as socket:
        socket.send_text("what")
        assert socket.receive_json()["type"] == "error"
