"""espeak-ng of PyPI's package: voices, variants, and the same samples again."""

import numpy as np
import pytest

from espnet2.interface.errors import DataError, MissingPackageError
from espnet2.recipe.corpora import digits, espeak
from espnet2.recipe.corpora.espeak import Manner, speak


@pytest.fixture
def library():
    pytest.importorskip("espeakng_loader")


def test_texts_are_spoken_in_a_manner(library):
    slow, rate = speak("one two", Manner("en-us+m3", 120, 50, 2))
    fast, _ = speak("one two", Manner("en-us+m3", 180, 50, 2))
    assert slow.dtype == np.float32 and slow.ndim == 1 and 0.1 < np.abs(slow).max() <= 1
    assert 0.3 * rate < len(fast) < len(slow) < 3 * rate


@pytest.mark.parametrize("language", digits.LANGUAGES)
def test_every_voice_of_the_corpus_is_there(library, language):
    variants = (*digits.TRAIN.variants, *digits.TEST.variants)
    spoken = {variant: speak("one", Manner(f"{language}+{variant}", 140, 50, 2))[0] for variant in variants}
    assert len({samples.tobytes() for samples in spoken.values()}) == len(variants)
    assert all(0.02 < np.sqrt(np.mean(samples**2)) < 0.4 for samples in spoken.values())


def test_what_was_spoken_before_changes_nothing(library):
    manner = Manner("en-gb+f1", 140, 50, 2)
    first, _ = speak("one two", manner)
    speak("nine", Manner("en-029+m4", 180, 30, 6))
    np.testing.assert_array_equal(speak("one two", manner)[0], first)


@pytest.mark.parametrize("voice", ["no-such-voice", "en-us+nobody", "no-such-voice+f1"])
def test_voices_that_are_missing_are_named(library, voice):
    with pytest.raises(DataError, match="espeak-ng: expected an installed voice, found") as error:
        speak("one", Manner(voice, 120, 50, 2))
    assert voice in str(error.value)


def test_a_missing_espeak_is_named(monkeypatch):
    monkeypatch.setattr(espeak.importlib, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    monkeypatch.setattr(espeak.ctypes.util, "find_library", lambda name: None)
    with pytest.raises(MissingPackageError, match="found none; pip install espeakng-loader"):
        speak("one", Manner("en-us", 120, 50, 2))
