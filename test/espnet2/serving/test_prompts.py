"""Models of many languages and tasks: requests with different prompts, decoded together, have their own texts."""

from __future__ import annotations

import importlib
import io
from concurrent.futures import ThreadPoolExecutor

import pytest
import soundfile

pytest.importorskip("fastapi")
pytest.importorskip("torch")

from starlette.testclient import TestClient

from espnet2.runtime.cli.transcriber import Transcriber
from espnet2.serving.app import make_service
from espnet2.serving.limits import Limits
from espnet2.serving.models import Recognition
from espnet2.serving.transcriptions import text_of

PATHS = {"transcribe": "transcriptions", "translate": "translations"}
REQUESTS = [(verb, language) for verb in PATHS for language in ("<eng>", "<deu>")]


def prompts(verb, language):
    return {"lang_sym": language, "task_sym": "<st_deu>" if verb == "translate" else "<asr>"}


def owsm(directory):
    cases = importlib.import_module("s2t_cases")
    case = cases.Case("a", "second", 2.2, {"beam_size": 2, "batch_size": 4, "maxlenratio": -12})
    return cases.recogniser(case, cases.write(directory)), cases.speech(case)


def owsm_ctc(directory):
    cases = importlib.import_module("s2t_ctc_cases")
    kind = importlib.import_module("espnet2.bin.s2t_inference_ctc").Speech2Text
    files = cases.write_model(directory, "conditioned")
    return kind(**files, beam_size=2, batch_size=4), cases.recording(2.2)


@pytest.mark.parametrize("make", [owsm, owsm_ctc])
def test_texts_are_those_of_each_request_alone(tmp_path, monkeypatch, make):
    recognizer, speech = make(tmp_path)
    alone = {
        request: text_of(Transcriber(recognizer.prompted(**prompts(*request)))([speech], "x", lambda done: None))
        for request in REQUESTS
    }
    assert len(set(alone.values())) > 2
    content, together = io.BytesIO(), []
    soundfile.write(content, speech, recognizer.sample_rate, "FLOAT", format="WAV")
    forward_of = recognizer.forward_of

    def noted(owners, speeches):
        together.append(len({(owner.options.lang_sym, owner.options.task_sym) for owner in owners}))
        return forward_of(owners, speeches)

    monkeypatch.setattr(recognizer, "forward_of", noted)
    with TestClient(make_service({"many": Recognition("many", recognizer, (*PATHS,), prompts)}, Limits())) as client:

        def ask(request):
            verb, language = request
            path, file = f"/v1/audio/{PATHS[verb]}", {"file": content.getvalue()}
            return client.post(path, files=file, data={"language": language}).json()["text"]

        with ThreadPoolExecutor(len(REQUESTS)) as threads:
            found = dict(zip(REQUESTS, threads.map(ask, REQUESTS), strict=True))
        refused = client.post("/v1/audio/transcriptions", files={"file": content.getvalue()}, data={"language": "<x>"})
    assert found == alone
    assert max(together) > 1
    assert refused.status_code == 400 and "lang_sym: expected" in refused.json()["error"]["message"]
