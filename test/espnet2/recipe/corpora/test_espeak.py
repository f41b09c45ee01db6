"""espeak-ng as a program and as a library."""

import importlib.util
import shutil
import subprocess

import numpy as np
import pytest

from espnet2.recipe.corpora import espeak
from espnet2.recipe.corpora.espeak import Manner, speak
from espnet2.runtime.errors import DataError, MissingPackageError

HAS_PROGRAM = shutil.which("espeak-ng") is not None
HAS_LIBRARY = importlib.util.find_spec("espeakng_loader") is not None


@pytest.fixture(params=["program", "library"])
def way(request, monkeypatch):
    if not {"program": HAS_PROGRAM, "library": HAS_LIBRARY}[request.param]:
        pytest.skip(f"needs espeak-ng as a {request.param}")
    which = shutil.which
    monkeypatch.setattr(espeak.shutil, "which", lambda name: which(name) if request.param == "program" else None)
    espeak._speaker.cache_clear()
    yield request.param
    espeak._speaker.cache_clear()


def test_texts_are_spoken_in_a_manner(way):
    slow, rate = speak("one two", Manner("en-us+m3", 120, 50, 2))
    fast, _ = speak("one two", Manner("en-us+m3", 180, 50, 2))
    assert slow.dtype == np.float32 and slow.ndim == 1 and 0.1 < np.abs(slow).max() <= 1
    assert 0.3 * rate < len(fast) < len(slow) < 3 * rate


def test_voices_that_are_missing_are_named(way):
    if way == "program":
        pytest.skip("the program speaks with another voice, and does not say so")
    with pytest.raises(DataError, match="espeak-ng: expected"):
        speak("one", Manner("no-such-voice", 120, 50, 2))


def test_a_missing_espeak_is_named(monkeypatch):
    monkeypatch.setattr(espeak.shutil, "which", lambda name: None)
    monkeypatch.setattr(espeak.importlib, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    espeak._speaker.cache_clear()
    with pytest.raises(MissingPackageError, match="apt install espeak-ng, or pip install espeakng-loader"):
        speak("one", Manner("en-us", 120, 50, 2))


def test_a_program_that_fails_is_named(monkeypatch):
    monkeypatch.setattr(espeak.shutil, "which", lambda name: "espeak-ng")
    failed = subprocess.CompletedProcess([], 1, b"", b"Error: no data\n")
    monkeypatch.setattr(espeak.subprocess, "run", lambda *args, **options: failed)
    espeak._speaker.cache_clear()
    with pytest.raises(DataError, match="espeak-ng: expected speech by en-us, found: Error: no data"):
        speak("one", Manner("en-us", 120, 50, 2))
