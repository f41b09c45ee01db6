"""Preprocessing for models of OWSM-CTC's kind: the values are upstream's for these texts."""

import numpy as np
import pytest
import s2t_ctc_cases as cases

from espnet2.interface.errors import DataError, OptionError
from espnet2.train.preprocessor import S2TCTCPreprocessor

TAGS = [token for token in cases.TOKENS if token.startswith("<")]
DATA = {"text": " <eng><asr> abc", "text_prev": "abd", "text_ctc": "abc"}


def preprocessor(train=False, **options):
    options = {"fs": 100, "speech_length": 3, "na_symbol": " <na>", "non_linguistic_symbols": TAGS, **options}
    return S2TCTCPreprocessor(train, "char", cases.TOKENS, **options)


def converted(made, **data):
    found = made("utt", {**DATA, **data})
    return {name: found[name].tolist() for name in ("text", "text_prev", "text_ctc", "prefix")}


@pytest.mark.parametrize(
    ("data", "options", "changed"),
    [
        ({}, {}, {}),
        ({"text_prev": " <na>"}, {}, {"text_prev": [5]}),
        ({"text_ctc": " <na>"}, {}, {"text_ctc": [7, 9, 11, 5]}),
        ({"text": " <eng><st_deu>c"}, {}, {"text": [7, 10, 14], "text_ctc": [7, 10, 12, 13, 14], "prefix": [7, 10]}),
        ({}, {"train": True, "text_prev_apply_prob": 1.0, "lang_apply_prob": 1.0}, {}),
        (
            {},
            {"train": True, "text_prev_apply_prob": 0.0, "lang_apply_prob": 0.0},
            {"text_prev": [5], "prefix": [6, 9]},
        ),
    ],
)
def test_texts(data, options, changed):
    plain = {
        "text": [7, 9, 11, 12, 13, 14],
        "text_prev": [12, 13, 15],
        "text_ctc": [7, 9, 12, 13, 14],
        "prefix": [7, 9],
    }
    assert converted(preprocessor(**options), **data) == {**plain, **changed}


@pytest.mark.parametrize(("samples", "latest"), [(150, 100), (290, 10), (500, 0)])
def test_speech_is_of_one_length(samples, latest):
    made, starts = preprocessor(train=True), []
    for seed in range(60):
        made.reseed((seed,))
        speech = made("utt", {"speech": np.ones(samples, np.float32)})["speech"]
        assert speech.shape == (300,) and speech.sum() == min(samples, 300)
        starts.append(int(speech.argmax()))
    assert min(starts) <= latest / 10 and latest * 0.9 <= max(starts) <= latest
    assert preprocessor()("utt", {"speech": np.ones(samples, np.float32)})["speech"].argmax() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speech_length": 0}, "speech_length, speech_init_silence: expected"),
        ({"lang_apply_prob": 1.5}, "lang_apply_prob: expected a number from 0 to 1, found 1.5"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        preprocessor(**options)


def test_a_text_without_task_is_refused():
    with pytest.raises(DataError, match="utt: expected a text that begins with language and task, found ' <eng>'"):
        preprocessor()("utt", {"text": " <eng>"})
