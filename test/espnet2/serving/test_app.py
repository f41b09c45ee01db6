"""The paths of a service: answers, refusals, and what other clients expect of it."""

from __future__ import annotations

import contextlib
import errno
import json
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from starlette.testclient import TestClient

from espnet2.runtime.asr import Speech2Text
from espnet2.serving.app import MB, make_service
from espnet2.serving.decoding import AudioDecoder
from espnet2.serving.guard import RefusedError, Room, Share
from espnet2.serving.limits import Limits
from espnet2.serving.models import open_models

SEARCH = {"beam_size": 3, "batch_size": 4}
ALONE = {"quantized": False, "num_threads": 1}
PATH = "/v1/audio/transcriptions"
TOTAL = 3.0  # MB of all requests


@pytest.fixture(scope="module")
def recordings(demo_dir) -> list[Path]:
    return sorted((demo_dir / "recordings").glob("*.flac"))[:3]


@pytest.fixture(scope="module")
def texts(demo_bundle, recordings) -> list[str]:
    from espnet2.fileio.audio import read_audio

    speech2text = Speech2Text(demo_bundle, beam_size=3, num_threads=1)
    return [speech2text(read_audio(path, 16000))[0][0] for path in recordings]


@pytest.fixture(scope="module")
def client(demo_bundle):
    models = open_models({demo_bundle.name: demo_bundle}, ALONE, SEARCH)
    limits = Limits(megabytes=0.2, total_megabytes=TOTAL, seconds=20.0, characters=30)
    with TestClient(make_service(models, limits, "secret"), headers={"Authorization": "Bearer secret"}) as client:
        yield client


def _post(client, path, **fields):
    with path.open("rb") as file:
        return client.post(PATH, files={"file": file}, data=fields)


def test_formats_of_a_transcription(client, recordings, texts):
    assert _post(client, recordings[0]).json() == {"text": texts[0]}
    assert _post(client, recordings[0], response_format="text").text == f"{texts[0]}\n"
    subtitles = _post(client, recordings[0], response_format="srt").text.splitlines()
    assert subtitles[0] == "1" and " --> " in subtitles[1] and subtitles[2] == texts[0]
    assert _post(client, recordings[0], response_format="vtt").text.startswith("WEBVTT\n")


def test_times_of_words_are_within_the_recording(client, recordings, texts):
    fields = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
    found = _post(client, recordings[0], **fields).json()
    assert found["task"] == "transcribe" and found["text"] == texts[0]
    assert [word["word"] for word in found["words"]] == texts[0].split()
    times = [time for word in found["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times) and times[0] >= 0 and times[-1] <= found["duration"]


def test_streamed_events_end_with_the_text(client, recordings, texts):
    lines = _post(client, recordings[1], stream="true").text.split("\n\n")[:-1]
    found = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [event["type"] for event in found] == ["transcript.text.delta", "transcript.text.done"]
    assert "".join(event["delta"] for event in found[:-1]) == found[-1]["text"] == texts[1]


@pytest.mark.parametrize(
    "content, fields, status, message",
    [
        (b"no recording", {}, 400, "file: expected a recording"),
        (b"", {}, 400, "file: expected a recording"),
        (None, {"response_format": "doc"}, 400, "response_format: expected one of"),
        (b"0" * 300_000, {}, 413, "body: expected at most"),
    ],
)
def test_refused_recordings(client, recordings, content, fields, status, message):
    content = recordings[0].read_bytes() if content is None else content
    answer = client.post(PATH, files={"file": content}, data=fields)
    assert answer.status_code == status
    assert answer.json()["error"]["message"].startswith(message)


def test_a_form_without_a_recording_and_a_verb_that_no_model_has(client):
    assert client.post(PATH, data={"file": "x"}).json()["error"]["message"].startswith("file: expected a recording")
    answer = client.post("/v1/audio/speech", json={"input": "a"})
    assert answer.status_code == 404 and "expected one that can speak" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body, status, message",
    [
        ("[", 400, "body: expected a JSON object"),
        ("{}", 400, "input: expected a text"),
        ("long", 413, "input: expected"),
    ],
)
def test_refused_texts(client, body, status, message):
    content = json.dumps({"input": "a" * 31}) if body == "long" else body
    answer = client.post("/v1/audio/speech", content=content)
    assert (answer.status_code, answer.json()["error"]["message"].startswith(message)) == (status, True)


def test_requests_without_the_token_are_refused_but_for_health_and_page(client):
    client.headers["Authorization"] = "Bearer other"
    try:
        assert client.get("/v1/models").status_code == client.post(PATH).status_code == 401
        assert client.get("/healthz").json() == {"status": "ok"}
        assert "<title>ESPnet</title>" in client.get("/").text
    finally:
        client.headers["Authorization"] = "Bearer secret"


def test_models_interface_and_figures(client, demo_bundle):
    (model,) = client.get("/v1/models").json()["data"]
    assert (model["id"], model["verbs"]) == (demo_bundle.name, ["transcribe"])
    assert {PATH, "/v1/audio/speech"} <= client.get("/openapi.json").json()["paths"].keys()
    assert f'espnet_requests_total{{path="{PATH}",status="200"}}' in client.get("/metrics").text


def test_the_client_of_openai_is_served(client, recordings, texts):
    openai = pytest.importorskip("openai")
    httpx = pytest.importorskip("httpx")

    def answer(request):
        """Pass a request of the client on to the service."""
        found = client.request(request.method, str(request.url), content=request.read(), headers=dict(request.headers))
        return httpx.Response(found.status_code, content=found.content, headers=dict(found.headers))

    transport = httpx.Client(transport=httpx.MockTransport(answer))
    asked = openai.OpenAI(base_url="http://service/v1", api_key="secret", http_client=transport, max_retries=0)
    with recordings[0].open("rb") as file:
        found = asked.audio.transcriptions.create(
            file=file, model="whisper-1", response_format="verbose_json", timestamp_granularities=["word"]
        )
    assert found.text == texts[0] and [word.word for word in found.words] == texts[0].split()
    with recordings[1].open("rb") as file:
        events = [*asked.audio.transcriptions.create(file=file, model="whisper-1", stream=True)]
    assert events[-1].type == "transcript.text.done" and events[-1].text == texts[1]
    assert [model.id for model in asked.models.list()] == [
        model["id"] for model in client.get("/v1/models").json()["data"]
    ]
    assert asked.models.retrieve(asked.models.list().data[0].id).object == "model"
    with pytest.raises(openai.NotFoundError, match=r"model: expected one of .*, found 'whisper-1'"):
        asked.models.retrieve("whisper-1")
    with pytest.raises(openai.NotFoundError, match="expected one that can speak"):
        asked.audio.speech.create(model="tts-1", voice="alloy", input="a")


def test_more_requests_than_a_model_takes_are_refused(client, recordings, monkeypatch):
    (model,) = client.app.app.state.models.values()
    with contextlib.ExitStack() as stack:
        for _ in range(model.most):
            stack.enter_context(model.admitted())
        answer = _post(client, recordings[0])
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert _post(client, recordings[0]).status_code == 200


def test_bytes_of_all_requests_are_limited_but_those_of_one_that_is_alone():
    room = Room(10)
    first, second = Share(room), Share(room)
    with first, second:
        first.take(30)
        with pytest.raises(RefusedError) as error:
            second.take(1)
        assert (error.value.status, error.value.seconds) == (429, 5.0)
        first.take(-25)
        with second.lent(5), pytest.raises(RefusedError):
            second.take(1)
        second.take(5)
    with Share(room) as alone:
        alone.take(30)


def _whole(request):
    return request


def _in_pieces(request):
    """A body of a length that nobody says."""
    return {**request, "content": iter([request["content"][:9], request["content"][9:]])}


@pytest.mark.parametrize("sent", [_whole, _in_pieces])
def test_uploads_that_are_too_many_bytes_with_those_of_others_are_refused(client, recordings, sent):
    request, room = form((FILE, recordings[0].read_bytes())), client.app.room
    with Share(room) as share:
        share.take(int(TOTAL * MB) - 100)
        answer = client.post(PATH, **sent(request))
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
        assert answer.json()["error"]["message"].startswith("service: expected at most 3145728 bytes of all requests")
    assert client.post(PATH, **sent(request)).status_code == 200
    assert room._held == 0


def test_a_recording_of_too_many_samples_beside_those_of_others_is_refused(client, recordings):
    with Share(client.app.room) as share:
        share.take(int(TOTAL * MB) - 3 * recordings[0].stat().st_size)  # room for the file and its copy
        assert _post(client, recordings[0]).status_code == 429
    assert _post(client, recordings[0]).status_code == 200


def form(*parts: tuple[str, bytes], charset: str = "") -> dict:
    """A request with a form of the boundary `b`, of parts with these headers."""
    body = b"".join(b"--b\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    kind = f"multipart/form-data; boundary=b{charset}"
    return {"content": body + b"--b--\r\n", "headers": {"Content-Type": kind}}


FILE = 'Content-Disposition: form-data; name="file"; filename="a"'
FIELD = 'Content-Disposition: form-data; name="language"'
ENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    "request_, message",
    [
        ({"content": b"--b", "headers": {"Content-Type": "multipart/form-data"}}, "body: expected a form"),
        ({**form(), "content": b"x" * 999}, "body: expected a form with a recording"),
        ({"content": b"a=&" * 50_000, "headers": ENCODED}, "file: expected a recording in a form"),
        (form((FILE, b"a"), (FILE, b"b")), "body: expected a form with a recording, found: Too many files"),
        (form(*[(FIELD, b"a")] * 100), "body: expected a form with a recording, found: Too many fields"),
        (form((FIELD, b"a" * 150_000), charset="; charset=idna"), "file: expected a recording in a form"),
        (form((f"{FILE}\r\nX: {'y' * 100_000}", b"a")), "body: expected a form with a recording"),
        (form(("X: y", b"a")), "body: expected a form with a recording"),
        (
            form((FIELD.replace("language", "response_format"), b"a"), charset="; charset=punycode"),
            "body: expected a form in UTF-8",
        ),
        (form((FIELD, b"a"), charset="; charset=undefined"), "body: expected a form in UTF-8"),
    ],
)
def test_forms_that_are_none(client, request_, message):
    answer = client.post(PATH, **request_)
    assert answer.status_code == 400 and answer.json()["error"]["message"].startswith(message)


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"stream": "banana"}, "stream: expected true or false, found 'banana'"),
        ({"timestamp_granularities[]": ["word", "year"]}, "timestamp_granularities[]: expected segment or word, found"),
        ({"response_format": "\x1b[31m\n" * 99}, "response_format: expected one of"),
    ],
)
def test_refused_fields(client, recordings, fields, message):
    answer = _post(client, recordings[0], **fields)
    found = answer.json()["error"]["message"]
    assert answer.status_code == 400 and found.startswith(message) and found.isprintable() and len(found) <= 400


def test_texts_with_halves_of_characters_are_refused(client, recordings):
    parts = (FILE, recordings[0].read_bytes()), (FIELD, b"\\ud800")
    answer = client.post(PATH, **form(*parts, charset="; charset=unicode_escape"))
    assert answer.status_code == 400 and answer.json()["error"]["message"].startswith("language: expected a text")


@pytest.mark.parametrize(
    "method, path, status, message",
    [
        ("GET", "http://testserver//v1/models", 404, "path: expected one of those in /openapi.json, found //v1/models"),
        ("GET", "/v1/models/", 404, "path: expected one of those in /openapi.json, found /v1/models/"),
        ("GET", "/%2e%2e/%1b%0a", 404, "path: expected one of those in /openapi.json, found"),
        ("PUT", PATH, 405, "method: expected POST, found PUT"),
        ("OPTIONS", "/v1/models", 405, "method: expected GET, found OPTIONS"),
    ],
)
def test_paths_and_methods_that_are_none(client, method, path, status, message):
    answer = client.request(method, path, follow_redirects=False)
    found = answer.json()["error"]["message"]
    assert answer.status_code == status and found.startswith(message) and found.isprintable()
    assert ("allow" in answer.headers) is (status == 405)


@pytest.mark.parametrize(
    "given", ["", "secret", "Basic secret", "Bearer", "Bearer secre", "Bearer secrett", "Bearer \xff"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_no_path_but_health_and_page_is_told_without_the_token(client, method, given):
    headers = {"Authorization": given.encode("latin-1")}
    for path in (
        "/v1/models",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/healthz/",
        "http://testserver//",
        "/%2e%2e",
        "/x",
        PATH,
    ):
        answer = client.request(method, path, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_the_scheme_of_a_token_has_any_case(client):
    assert client.get("/v1/models", headers={"Authorization": "bearer  secret"}).status_code == 200


@pytest.mark.parametrize(
    "error, status, message",
    [
        (OSError(errno.ENOSPC, "No space left on device"), 507, "service: expected room on its disk, found none"),
        (RuntimeError("of the inside"), 500, "service: expected a result, found an error of its own"),
    ],
)
def test_faults_of_the_service_are_told_in_a_sentence(demo_bundle, recordings, monkeypatch, error, status, message):
    def fail(*given):
        raise error

    monkeypatch.setattr(AudioDecoder, "__call__", fail)
    service = make_service(open_models({"digits": demo_bundle}, ALONE, SEARCH), Limits())
    with TestClient(service, raise_server_exceptions=False) as client:
        answer = _post(client, recordings[0])
    assert answer.status_code == status and answer.json()["error"]["message"].startswith(message)
