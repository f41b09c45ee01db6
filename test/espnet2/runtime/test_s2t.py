"""Recognisers with prompts over graphs written in numpy; whole decodes are compared with upstream's elsewhere."""

import dataclasses
import pickle

import numpy as np
import pytest
from prompted_graphs import INDEX, RATE, SECTION, SPEECH, graphs, indices, recogniser, with_ctc

from espnet2.interface.errors import AudioError, BundleError, OptionError
from espnet2.runtime.processes import _portable
from espnet2.runtime.s2t import S2TRecognizer, Window
from espnet2.runtime.s2t_language import LanguageIdentifier
from espnet2.runtime.search_model import SearchModel
from espnet2.runtime.windows import ReadAhead
from espnet2.runtime.writers.search import SearchFiles
from espnet2.text.char_tokenizer import CharTokenizer

UNTIMED = dataclasses.replace(
    SECTION, times=[], special={name: i for name, i in SECTION.special.items() if name != "notimestamps"}
)


def test_a_result_has_five_fields():
    ((text, token, token_int, text_nospecial, hypothesis),) = recogniser()(SPEECH)
    assert (text, text_nospecial) == ("<eng><asr><notimestamps>ab", "ab")
    assert token == ["<eng>", "<asr>", "<notimestamps>", "a", "b"]
    assert token_int == indices(*token)
    assert hypothesis.yseq.tolist() == indices("<sos>", *token, "<eos>")


@pytest.mark.parametrize(
    ("prompt", "primer"),
    [
        ({}, ["<sos>", "<eng>", "<asr>", "<notimestamps>"]),
        ({"predict_time": True}, ["<sos>", "<eng>", "<asr>"]),
        ({"lang_sym": "<deu>", "task_sym": "<st_eng>"}, ["<sos>", "<deu>", "<st_eng>", "<notimestamps>"]),
        ({"text_prev": "b a"}, ["<sop>", "b", "<space>", "a", "<sos>", "<eng>", "<asr>", "<notimestamps>"]),
        ({"text_prev": indices("b", "a")}, ["<sop>", "b", "a", "<sos>", "<eng>", "<asr>", "<notimestamps>"]),
        ({"text_prev": "<na>"}, ["<sos>", "<eng>", "<asr>", "<notimestamps>"]),
        ({"text_prev": indices("b", "<na>")}, ["<sos>", "<eng>", "<asr>", "<notimestamps>"]),
        ({"text_prev": ""}, ["<sop>", "<sos>", "<eng>", "<asr>", "<notimestamps>"]),
    ],
)
def test_prompts_of_options_and_of_calls(prompt, primer):
    of_options, of_call = recogniser(**prompt), recogniser().prompted(**prompt)
    assert of_options.primer == of_call.primer == indices(*primer)
    assert recogniser()(SPEECH, **prompt)[0][:4] == of_options(SPEECH)[0][:4]
    assert recogniser().batch_decode([SPEECH, SPEECH], **prompt)[1][0][:4] == of_options(SPEECH)[0][:4]


def test_recordings_of_a_batch_may_have_texts_of_their_own():
    texts, lengths = np.array([indices("b", "a"), indices("a", "a")]), [2, 1]
    recognise = recogniser(kind=Recording)
    recognise.primers = []
    found = recognise.batch_decode(np.stack([SPEECH, SPEECH]), [RATE, RATE], texts, lengths)
    assert [one[0].text_nospecial for one in found] == ["ab", "ab"]
    rest = ["<sos>", "<eng>", "<asr>", "<notimestamps>"]
    assert recognise.primers == [indices("<sop>", *text, *rest) for text in (["b", "a"], ["a"])]
    with pytest.raises(OptionError, match="text_prev: expected a text for each of 1 recordings, found 2"):
        recognise.batch_decode([SPEECH], text_prev=texts)


def test_upstreams_further_methods():
    recognise = recogniser(parts=with_ctc())
    ((text, token, _, text_nospecial, hypothesis),) = recognise.best_path(SPEECH)
    assert (text, token, text_nospecial, hypothesis) == ("ab", ["a", "b"], "ab", None)
    assert recognise.decode_window(SPEECH, task_sym="<st_eng>") == "<eng><st_eng><notimestamps>ab"
    assert recognise.no_language() == "<unk>"
    assert np.array_equal(recognise.read_audio(SPEECH), SPEECH.astype(np.float32))
    timed = indices("<eng>", "<asr>", "<0.25>", "a", "<0.75>", "<0.75>", "b")
    assert recognise.window_utterances(timed, offset=2.0) == [(2.25, 2.75, "a")]
    assert recognise.window_utterances(timed[:4], offset=2.0) == [(2.25, 3.0, "a")]
    assert recognise.window_utterances(indices("<eng>", "<asr>", "a", "a")) == [(0.0, 1.0, "aa")]
    with pytest.raises(OptionError, match="model: expected one with CTC, for one speaker, found another"):
        recogniser().best_path(SPEECH)


def test_times_go_around_a_text():
    ((text, _, _, text_nospecial, _),) = recogniser(predict_time=True)(SPEECH)
    assert (text, text_nospecial) == ("<eng><asr><0.25>ab<0.75>", "ab")


def test_a_call_leaves_the_recogniser_as_it_was():
    recognise = recogniser()
    before = recognise(SPEECH)
    recognise(SPEECH, text_prev="a", lang_sym="<deu>", predict_time=True)
    assert recognise(SPEECH)[0][:4] == before[0][:4]


@pytest.mark.parametrize("symbol", ["lang_sym", "task_sym"])
@pytest.mark.parametrize("value", ["<xyz>", "eng", "a", "<" + 500 * "x" + ">", "<0.25>", "<sos>"])
def test_an_unknown_symbol_is_refused_with_some_that_exist(symbol, value):
    known = {"lang_sym": "<abk>, <deu>, <eng>, <zul>", "task_sym": "<asr>, <st_eng>"}[symbol]
    for call in (lambda: recogniser(**{symbol: value}), lambda: recogniser()(SPEECH, **{symbol: value})):
        with pytest.raises(OptionError, match=f"{symbol}: expected one of .*, found ") as caught:
            call()
        named = str(caught.value).partition("one of ")[2].partition(", found")[0]
        assert sorted(named.split(", ")) == sorted(known.split(", "))
        assert len(str(caught.value)) <= 400


@pytest.mark.parametrize(
    ("section", "options", "message"),
    [
        (SECTION, {"lang_sym": 3}, "lang_sym: expected a symbol such as <eng>, found 3"),
        (SECTION, {"predict_time": "yes"}, "predict_time: expected True or False, found 'yes'"),
        (SECTION, {"text_prev": 3.5}, "text_prev: expected a text or indices of tokens, found 3.5"),
        (SECTION, {"text_prev": [1, "a"]}, "text_prev: expected a text or indices of tokens, found"),
        (SECTION, {"text_prev": np.array(["a"])}, "text_prev: expected a text or indices of tokens, found"),
        (SECTION, {"text_prev": np.array([1.5])}, "text_prev: expected a text or indices of tokens, found"),
        (SECTION, {"text_prev": [1, 99]}, "text_prev: expected indices of 21 tokens, found 99"),
        (UNTIMED, {"predict_time": True}, "predict_time: expected False, since the model's tokens have no times"),
        (UNTIMED, {"long_form": "true"}, "long_form: expected false, since the model's tokens have no times"),
        (SECTION, {"ctc_greedy": True}, "ctc_greedy: expected False, since texts of this model begin"),
        (SECTION, {"partial_ar": True}, "partial_ar: expected False, since texts of this model begin with a prompt"),
    ],
)
def test_options_that_cannot_be_had(section, options, message):
    with pytest.raises(OptionError, match=message):
        recogniser(section, **options)


def test_a_previous_text_with_unknown_tokens_is_read_as_upstream_does(caplog):
    assert recogniser(text_prev="ax").primer[:3] == indices("<sop>", "a", "<unk>")
    assert "text_prev: 1 of 2 tokens are unknown" in caplog.text


@pytest.mark.parametrize(
    ("speech", "message"),
    [
        (np.zeros(0), "speech: expected at least 2 samples, found 0"),
        (np.zeros(9, np.int16), "speech: expected floating point numbers"),
        (np.zeros((2, 9)), r"speech: expected shape \(samples\)"),
        (np.full(9, np.nan), "speech: expected finite numbers"),
    ],
)
def test_speech_that_cannot_be_recognised(speech, message):
    for call in (recogniser(), recogniser().decode_long):
        with pytest.raises(AudioError, match=message):
            call(speech)


def test_speech_is_padded_or_cut_to_the_window(caplog):
    recognise = recogniser()
    longer = np.tile(SPEECH, 3)
    for speech in (SPEECH[:3], longer):
        recognise(speech)
    first, second = (call["speech"] for call in recognise.encoder.calls)
    assert np.allclose(first, [[*SPEECH[:3], *13 * [0.0]]])
    assert np.allclose(second, [longer[:RATE]])
    assert "speech: expected at most 1 s, found 3.0 s; the rest is left out" in caplog.text
    assert len(caplog.records) == 1


class Recording(S2TRecognizer):
    """Keeps the prompts of its decodes."""

    primers: list

    def hypotheses(self, encoder_out):
        self.primers.append(self.primer)
        return super().hypotheses(encoder_out)


def test_a_long_recording_is_decoded_window_by_window(caplog):
    recognise = recogniser(kind=Recording)
    recognise.primers = []
    found = recognise.decode_long(np.tile(SPEECH, 3)[:40], lang_sym="<deu>", end_time_threshold="<0.75>")
    assert found == [(0.25, 0.75, "ab"), (1.0, 1.5, "ab"), (1.75, 2.25, "ab"), (2.5, 3.0, "ab")]
    assert [len(call["speech"][0]) for call in recognise.encoder.calls] == [RATE] * 4
    assert np.allclose(recognise.encoder.calls[1]["speech"][0], np.tile(SPEECH, 3)[12 : 12 + RATE])
    assert recognise.primers == [indices("<sos>", "<deu>", "<asr>")] * 4
    assert list(recognise.iter_long(np.tile(SPEECH, 3)[:40], skip_last_chunk_threshold=0.3)) == found[:3]
    assert "the last 0.25 s of the recording are left out" in caplog.text


def test_a_last_window_of_just_as_many_seconds_as_the_threshold_is_decoded():
    recognise = recogniser(dataclasses.replace(SECTION, sample_rate=20))  # 0.95 - 0.75 < 0.2 in binary
    assert recognise.decode_long(np.tile(SPEECH, 2)[:19]) == [(0.25, 0.75, "ab"), (1.0, 1.5, "ab")]
    assert recognise.decode_long(np.tile(SPEECH, 2)[:18]) == [(0.25, 0.75, "ab")]


def test_a_model_whose_windows_end_at_once_goes_through_a_recording(monkeypatch, caplog):
    monkeypatch.setattr(
        S2TRecognizer, "window", lambda self, recording, start, *others: Window(start, start + 0.01, [], 0.0)
    )
    recording = ReadAhead([np.tile(SPEECH, 10)])
    found = [window.start for window in recogniser().windows(recording, 0.75)]
    seconds = 10 * len(SPEECH) / RATE
    assert len(found) < 10 * seconds and found[-1] < seconds
    assert "8 windows of 1 s in turn ended after 0.08 s together; the rest of one is left out" in caplog.text


@pytest.mark.parametrize(("init_text", "first"), [(None, []), ("b", ["<sop>", "b"])])
def test_windows_are_conditioned_on_the_text_before(init_text, first):
    recognise = recogniser(kind=Recording)
    recognise.primers = []
    recognise.decode_long(np.tile(SPEECH, 2), condition_on_prev_text=True, init_text=init_text)
    rest = ["<sos>", "<eng>", "<asr>"]
    assert recognise.primers == [indices(*first, *rest), *[indices("<sop>", "a", "b", *rest)] * 2]


@pytest.mark.parametrize("threshold", ["<29.00>", "a", "0.5"])
def test_a_threshold_that_is_no_time_is_refused(threshold):
    with pytest.raises(OptionError, match=r"end_time_threshold: expected a time, <0.00> to <1.00>, found"):
        recogniser().decode_long(SPEECH, end_time_threshold=threshold)


@pytest.mark.parametrize("threshold", ["a", float("nan"), None])
def test_a_threshold_of_the_last_window_that_is_no_number_is_refused(threshold):
    with pytest.raises(OptionError, match="skip_last_chunk_threshold: expected a number of seconds, found"):
        recogniser().decode_long(SPEECH, skip_last_chunk_threshold=threshold)


def test_a_long_recording_may_be_a_file_which_is_read_as_it_is_decoded(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    speech = np.tile(SPEECH, 3)[:40]
    soundfile.write(tmp_path / "a.wav", speech, RATE, subtype="FLOAT")
    assert recogniser().decode_long(tmp_path / "a.wav") == recogniser().decode_long(speech.astype(np.float32))
    soundfile.write(tmp_path / "a.wav", np.where(np.arange(40) < 30, speech, np.nan), RATE, subtype="FLOAT")
    found = recogniser().iter_long(str(tmp_path / "a.wav"))
    assert [next(found), next(found)] == [(0.25, 0.75, "ab"), (1.0, 1.5, "ab")]
    with pytest.raises(AudioError, match=r"a\.wav: expected finite numbers, found NaN"):
        list(found)


def test_times_of_words_are_those_of_ctc_which_knows_no_tags():
    recognise = recogniser(parts=with_ctc(), timestamps="word")
    (result,) = recognise(SPEECH)
    assert recognise.times(result) == [("ab", 0.125, 0.625)]
    recognise = recogniser(parts=with_ctc(), timestamps="token")
    (result,) = recognise(SPEECH, predict_time=True)
    assert result.token[2] == "<0.25>"
    assert recognise.times(result) == [("a", 0.125, 0.25), ("b", 0.5, 0.625)]


def test_hotwords_change_what_is_behind_the_prompt():
    recognise = recogniser(hotwords={"b": -5.0})
    assert recognise(SPEECH)[0].text_nospecial == "a"
    assert recognise(SPEECH, text_prev="b")[0].text_nospecial == "a"
    assert recognise(SPEECH, hotwords=[])[0].text_nospecial == "ab"
    assert recognise(SPEECH, hotwords=["a"], hotword_weight=20.0)[0].text_nospecial == 8 * "a"


def test_the_option_long_form_gives_one_result_of_all_windows():
    recognise, speech = recogniser(long_form="true"), np.tile(SPEECH, 3)[:40]
    ((text, _, token_int, text_nospecial, hypothesis),) = recognise(speech)
    assert (text, text_nospecial) == ("<eng><asr>" + 4 * "ab", 4 * "ab")
    assert hypothesis.yseq.tolist() == [INDEX["<sos>"], *token_int, INDEX["<eos>"]]
    assert recognise(SPEECH)[0].text == "<eng><asr><notimestamps>ab"
    assert [one[0].text for one in recognise.batch_decode([speech, SPEECH])] == [text, "<eng><asr><notimestamps>ab"]


def test_tables_have_texts_without_tags(tmp_path):
    recognise = recogniser()
    with SearchFiles(tmp_path, recognise) as files:
        files("utt", recognise(SPEECH))
    tables = {path.name: path.read_text() for path in (tmp_path / "1best_recog").iterdir()}
    assert tables["text"] == "utt <eng><asr><notimestamps>ab\n"
    assert tables["text_nospecial"] == "utt ab\n"
    assert tables["token"] == "utt <eng> <asr> <notimestamps> a b\n"


def test_results_go_from_one_process_to_another():
    recognise = recogniser()
    (result,) = recognise(SPEECH)
    (sent,) = pickle.loads(pickle.dumps(_portable(recognise, [result])))
    assert sent[:4] == result[:4]
    assert sent.text_nospecial == "ab"


def identifier(**options):
    return LanguageIdentifier(SearchModel(graphs(), SECTION, CharTokenizer()), **options)


def test_languages_and_their_probabilities_among_languages():
    (first, p_first), (second, p_second) = identifier(nbest=2)(SPEECH)
    assert (first, second) == ("<deu>", "<eng>")
    total = np.exp(-1) + np.exp(-2) + 2 * np.exp(-9)
    assert [p_first, p_second] == pytest.approx([np.exp(-1) / total, np.exp(-2) / total], rel=1e-5)
    assert identifier(first_lang_sym="<eng>", last_lang_sym="<zul>")(SPEECH)[0][0] == "<eng>"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nbest": 0}, "nbest: expected an integer of at least 1, found 0"),
        ({"first_lang_sym": "<eng>", "last_lang_sym": "<deu>"}, "last_lang_sym: expected a token behind <eng>"),
        ({"first_lang_sym": "<xyz>"}, "first_lang_sym: expected one of <zul>, <abk>, <deu>, <eng>, found '<xyz>'"),
    ],
)
def test_languages_that_cannot_be_had(options, message):
    with pytest.raises(OptionError, match=message):
        identifier(**options)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"speech_length": 1e-5}, "speech_length: expected seconds of at least one sample, found 1e-05"),
        ({"speech_length": 0}, "speech_length: expected a number of seconds, found 0"),
        ({"times": [3]}, "times: expected the first and the last index, or none"),
        ({"languages": [5, 3]}, "languages: expected the first and the last index, or none"),
        ({"special": {**SECTION.special, "sop": 99}}, "special.sop: expected an index of 21 tokens, found 99"),
        ({"special": UNTIMED.special}, "special: expected notimestamps, since there are times"),
    ],
)
def test_a_section_that_does_not_fit_is_refused(keys, message):
    with pytest.raises(BundleError, match=message):
        dataclasses.replace(SECTION, **keys)
