"""Training data of models with prompts: speech of one length, texts with and without times and previous texts."""

import numpy as np
import pytest

from espnet2.interface.errors import DataError
from espnet2.train.preprocessor import S2TPreprocessor

RATE, STEP = 16000, 0.02
TIMES = [f"<{STEP * place:.2f}>" for place in range(101)]
TOKENS = [
    "<blank>",
    "<unk>",
    "<na>",
    "<eng>",
    "<asr>",
    "<notimestamps>",
    *TIMES,
    *"abcde",
    "\N{LOWER ONE EIGHTH BLOCK}",
]
TEXT = "<eng> <asr> <0.00> a b <0.52> <0.60> c <0.90>"
UNTIMED = "<eng> <asr> <notimestamps> a b c"
PREVIOUS = "<0.00> d e <1.00>"
RAMP = np.arange(1, RATE + 1, dtype=np.float32)  # 1 s


def preprocessor(train, **options):
    keys = {"speech_length": 2.0, "speech_init_silence": 0.5, "last_time_symbol": TIMES[-1], **options}
    return S2TPreprocessor(train, token_type="word", token_list=TOKENS, **keys)


def prepared(prepare, seed=0, **data):
    prepare.reseed([seed])
    values = prepare("utt", {"speech": RAMP, "text": TEXT, "text_prev": PREVIOUS, "text_ctc": "a b c", **data})
    texts = {name: " ".join(TOKENS[index] for index in values[name]) for name in ("text", "text_prev", "text_ctc")}
    return values["speech"], texts


def test_validation_changes_no_text_and_pads_behind():
    speech, texts = prepared(preprocessor(False))
    assert texts == {"text": TEXT, "text_prev": PREVIOUS, "text_ctc": "a b c"}
    assert (speech.shape, speech.dtype) == ((2 * RATE,), np.float32)
    assert np.array_equal(speech[:RATE], RAMP)
    assert not speech[RATE:].any()


def test_longer_speech_is_cut_and_not_moved():
    for train in (False, True):
        speech, texts = prepared(preprocessor(train, time_apply_prob=1.0), speech=np.tile(RAMP, 3))
        assert np.array_equal(speech, np.tile(RAMP, 2))
        assert texts["text"] == TEXT


@pytest.mark.parametrize("seed", range(6))
def test_times_are_as_much_later_as_the_speech(seed):
    speech, texts = prepared(preprocessor(True, time_apply_prob=1.0), seed)
    late = int(np.flatnonzero(speech)[0])
    assert late <= 0.5 * RATE
    assert np.array_equal(speech[late : late + RATE], RAMP)
    steps = round(late / RATE / STEP)
    moved = [TIMES[TIMES.index(word) + steps] if word in TIMES else word for word in TEXT.split()]
    assert texts["text"] == " ".join(moved)


def test_silence_is_no_longer_than_what_is_left():
    for seed in range(6):
        speech, _ = prepared(preprocessor(True), seed, speech=np.tile(RAMP, 2)[: 2 * RATE - 10])
        assert np.flatnonzero(speech)[0] <= 10


def test_times_and_previous_texts_are_left_out():
    _, texts = prepared(preprocessor(True, time_apply_prob=0.0, text_prev_apply_prob=0.0))
    assert texts == {"text": UNTIMED, "text_prev": "<na>", "text_ctc": "a b c"}
    _, texts = prepared(preprocessor(True, time_apply_prob=0.0, text_prev_apply_prob=1.0), text=UNTIMED)
    assert (texts["text"], texts["text_prev"]) == (UNTIMED, PREVIOUS)


def test_texts_are_left_out_as_often_as_asked_for():
    prepare = preprocessor(True, time_apply_prob=0.7, text_prev_apply_prob=0.2)
    texts = [prepared(prepare, seed)[1] for seed in range(400)]
    assert sum("<notimestamps>" in one["text"] for one in texts) / 400 == pytest.approx(0.3, abs=0.07)
    assert sum(one["text_prev"] == "<na>" for one in texts) / 400 == pytest.approx(0.8, abs=0.07)


def test_the_piece_that_sentencepiece_begins_with_is_left_out():
    assert prepared(preprocessor(False), text=f"{TOKENS[-1]} {TEXT}")[1]["text"] == TEXT


def test_a_symbol_that_the_tokens_lack_is_named():
    with pytest.raises(DataError, match=r"token_list: expected the symbol <30\.00>, found none"):
        preprocessor(True, last_time_symbol="<30.00>")
