"""Every operation of `/openapi.json` with any values: the service answers as its interface says."""

from __future__ import annotations

import asyncio
import io
import json
import time
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi")

import soundfile
import stream_graphs
import synthesis_graphs
from numpy_graphs import Graph
from starlette.testclient import TestClient

from espnet2.interface.errors import printable
from espnet2.runtime.cli.segments import Segment
from espnet2.runtime.synthesis_options import SynthesisOptions
from espnet2.runtime.tts import Synthesizer
from espnet2.serving.app import make_app, make_service
from espnet2.serving.limits import Limits
from espnet2.serving.metrics import Metrics
from espnet2.serving.models import Streaming, Synthesis

PATHS = make_app({}, Limits(), Metrics({})).openapi()["paths"]
OPERATIONS = [(method, path) for path, item in PATHS.items() for method in item]
EXAMPLES, RATE = 40, 100  # RATE: Hz, of the model

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OF_TYPES = {"string": st.text(), "number": st.floats() | st.integers(), "boolean": st.booleans()}


def of_schema(schema):
    """Values that a schema allows."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "array":
        return st.lists(of_schema(schema["items"]), max_size=3)
    return OF_TYPES[schema["type"]]


def recording(kind="WAV"):
    content = io.BytesIO()
    soundfile.write(content, stream_graphs.slowly(2, 3), RATE, "FLOAT", format=kind)
    return content.getvalue()


def texts(schema):
    """JSON documents, most of them with fields of a schema."""
    fields = {name: of_schema(field) | JSON for name, field in schema["properties"].items()}
    fields["input"] |= st.sampled_from(["ab", "a b", "ab" * 10])
    objects = st.fixed_dictionaries({}, optional=fields)
    return (objects | JSON).map(lambda value: json.dumps(value).encode()) | st.binary()


QUOTED = st.text(st.characters(codec="utf-8", exclude_characters='"\r\n'), max_size=20)
RECORDINGS = st.sampled_from([recording(), recording()[:99], recording()[:30], b"", b"RIFF"]) | st.binary()


@st.composite
def forms(draw, schema):
    """Forms of fields of a schema, or of others, files in place of texts and texts in place of files."""
    body = b""
    parts = [("file", True, draw(RECORDINGS))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 4))):
        name = draw(st.sampled_from([*schema["properties"]]) | QUOTED)
        allowed = of_schema(schema["properties"].get(name, {"type": "string"})).map(str)
        content = draw(allowed.map(lambda text: text.encode("utf-8", "surrogatepass")) | RECORDINGS)
        parts.append((name, draw(st.sampled_from([False, False, True])), content))
    for name, is_file, content in draw(st.permutations(parts)):
        head = f'Content-Disposition: form-data; name="{name}"' + ('; filename="a"' if is_file else "")
        body += b"--b\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"
    return body + draw(st.sampled_from([b"--b--\r\n", b"--b--\r\n", b"--b\r\n", b""]))


BODIES = {"multipart/form-data": forms, "application/json": texts}
KINDS = ("multipart/form-data; boundary=b", "application/json", "multipart/form-data; boundary=c; charset=utf-16", "x")


@st.composite
def requests(draw, method, path):
    """A request for an operation."""
    body, headers = b"", {}
    for kind, content in PATHS[path][method].get("requestBody", {}).get("content", {}).items():
        body = draw(BODIES[kind](content["schema"]))
        usual = next(value for value in KINDS if value.startswith(kind))
        headers["Content-Type"] = draw(st.sampled_from([usual] * 6 + [*KINDS]))
    name = draw(st.sampled_from(["live", "voice"]) | st.text(max_size=20))
    target = path.format(name=quote(name.encode("utf-8", "surrogatepass"), safe=""))
    query = draw(st.sampled_from(["", "", "?x=%ff", "?token=a&model=live"]))
    return {"method": method, "url": target + query, "content": body, "headers": headers}


@pytest.fixture(scope="module")
def client():
    graph = stream_graphs.encoder_step()  # which has no token of other samples
    tame = Graph(graph.component, lambda speech, *others: graph.function(np.clip(speech, 0, 0.5), *others))
    voice = Synthesizer(synthesis_graphs.model(), SynthesisOptions())
    models = {"live": Streaming("live", stream_graphs.recognizer(tame)), "voice": Synthesis("voice", voice)}
    with TestClient(make_service(models, Limits(characters=20, seconds=10.0, megabytes=0.1))) as client:
        yield client


# Starlette leaves a file in which a form ends to Python, which closes it at once.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_any_request_has_an_answer_of_the_interface(client, method, path):
    said = PATHS[path][method]["responses"]

    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
    @given(requests(method, path))
    def answered(request):
        answer = client.request(**request)
        assert str(answer.status_code) in said or (path.endswith("}") and answer.status_code == 404)
        assert answer.status_code < 500
        if answer.status_code >= 400:
            message = answer.json()["error"]["message"]
            assert printable(message) == message and len(message) <= 400 and "expected" in message

    answered()


def test_values_that_are_allowed_are_answered(client):
    """Requests of the property above that are meant to be good are."""
    assert client.post("/v1/audio/transcriptions", files={"file": recording()}).json() == {"text": "ab"}
    assert client.post("/v1/audio/speech", json={"input": "ab"}).status_code == 200


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_statuses_of_the_interface_have_errors_of_one_form(method, path):
    said = PATHS[path][method]["responses"]
    assert {"401", "413", "429", "500"} <= said.keys()
    for status in said.keys() - {"200", "422"}:
        assert said[status]["content"]["application/json"]["schema"]["required"] == ["error"]


def test_work_for_a_client_that_hangs_up_within_an_answer_ends(client, monkeypatch):
    """Events of an answer are sent as they are there; behind the first one, the client is gone."""
    model, tickets, sent = client.app.app.state.models["live"], [], []

    def segments(pieces, ticket, verb, language):
        tickets.append(ticket)
        while not ticket.is_over():
            yield Segment(0.0, 1.0, "a")
            time.sleep(0.01)

    monkeypatch.setattr(model, "segments", segments)
    request = client.build_request(
        "POST", "/v1/audio/transcriptions", files={"file": recording()}, data={"stream": "1"}
    )
    messages = [{"type": "http.request", "body": request.read(), "more_body": False}]
    headers = [(name.lower(), value) for name, value in request.headers.raw]
    scope = {"type": "http", "method": "POST", "path": request.url.path, "headers": headers, "query_string": b""}

    async def receive():
        while not messages and len(sent) < 2:
            await asyncio.sleep(0.01)
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    client.portal.call(client.app, {**scope, "http_version": "1.1", "scheme": "http"}, receive, send)
    assert sent[0]["status"] == 200 and b"transcript.text.delta" in sent[1]["body"]
    end = time.monotonic() + 10
    while model._admitted and time.monotonic() < end:
        time.sleep(0.01)
    assert tickets[0].is_over() and model._admitted == 0 and client.app.room._held == 0
