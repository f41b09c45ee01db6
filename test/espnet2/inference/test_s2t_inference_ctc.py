"""Decodes by models of OWSM-CTC's kind equal upstream's, on PyTorch and on a bundle."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import s2t_ctc_cases as cases
import soundfile

from espnet2.bin import s2t_inference_ctc
from espnet2.bin.s2t_inference_ctc import Speech2Text, Speech2TextGreedySearch
from espnet2.interface.errors import AudioError, OptionError
from espnet2.runtime.s2t_ctc import S2TCTCRecognizer
from espnet2.runtime.s2t_section import is_said

GOLDEN = json.loads((Path(__file__).parents[2] / "golden/s2t_ctc.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    return cases.write_model(tmp_path_factory.mktemp("model"), "conditioned")


def assert_same(expected, found):
    if isinstance(expected, list):
        assert len(expected) == len(found)
        for one, other in zip(expected, found, strict=True):
            assert_same(one, other)
    elif isinstance(expected, float):
        assert math.isclose(expected, found, abs_tol=2e-3)
    else:
        assert expected == found


@pytest.mark.parametrize("release", GOLDEN)
def test_answers_are_upstreams(release, tmp_path):
    found = dict(cases.answers(cases.STORED[release], tmp_path, keep_prompt_frames=release == "202511"))
    assert found.keys() == GOLDEN[release].keys()
    for name, expected in GOLDEN[release].items():
        assert_same(expected, json.loads(json.dumps(found[name])))


def test_a_prompt_of_a_call_replaces_that_of_the_options(files):
    speech = cases.recording(0.6)
    prompt = {"lang_sym": "<deu>", "task_sym": "<st_deu>", "text_prev": [12, 13]}
    asked, given = Speech2TextGreedySearch(**files, **prompt), Speech2TextGreedySearch(**files)
    assert given(speech, **prompt) == asked(speech) != given(speech)
    assert given([speech, speech], **prompt) == [asked(speech)] * 2
    assert given(speech, text_prev="ab") == given(speech, text_prev=np.array([12, 13]))
    assert given(speech, text_prev="<na>") == given(speech, text_prev=[5]) == given(speech, text_prev=[12, 5])
    assert given(speech, text_prev="") != given(speech)


def test_each_recording_of_a_command_has_its_previous_text(files, tmp_path):
    texts, speech = {"a": "ab c", "b": "<na>"}, cases.recording(0.6)
    soundfile.write(tmp_path / "wav", speech, cases.RATE, format="WAV", subtype="FLOAT")
    (tmp_path / "wav.scp").write_text("".join(f"{name} {tmp_path / 'wav'}\n" for name in texts))
    (tmp_path / "text_prev").write_text("".join(f"{name} {text}\n" for name, text in texts.items()))
    lists = [f"{tmp_path / name}" for name in ("wav.scp,speech,sound", "text_prev,text_prev,text")]
    words = [word for name, value in files.items() for word in (f"--{name}", value)]
    words += [word for given in lists for word in ("--data_path_and_name_and_type", given)]
    assert s2t_inference_ctc.main([*words, "--output_dir", str(tmp_path / "out"), "--beam_size", "2"]) == 0
    found = dict(line.split(" ", 1) for line in (tmp_path / "out/1best_recog/token_int").read_text().splitlines())
    recognise = Speech2Text(**files, beam_size=2)
    for name, text in texts.items():
        assert found[name] == " ".join(map(str, recognise(speech, text_prev=text)[0].token_int))
    assert found["a"] != found["b"]


def test_tokens_have_times_without_the_frames_of_the_prompt(files):
    speech2text = Speech2TextGreedySearch(**files, timestamps="token")
    speech = cases.recording(2.6)
    (result,) = super(Speech2TextGreedySearch, speech2text).__call__(speech)
    times = speech2text.times(result)
    assert [timed.text for timed in times] == [token for token in result.token if is_said(token)]
    frames = speech2text.forward([speech])[0]
    assert times[-1].end <= (len(frames) - 2) * 0.08 + 1e-6


@pytest.mark.parametrize("greedy", [True, False])
def test_long_recordings_are_decoded_in_buffers(files, greedy):
    options = {"ctc_greedy": greedy, "beam_size": 2, "long_form": "true"}
    speech2text = Speech2Text(**files, **options)
    speech = cases.recording(31.7)
    (result, *_) = speech2text(speech)
    if greedy:
        assert result.text_nospecial == speech2text.decode_long_batched_buffered(speech)
    assert result.text_nospecial
    assert speech2text.ctc_log_probs(speech).shape == (396, len(cases.TOKENS))


def test_upstreams_newest_methods(files):
    speech2text, greedy = Speech2Text(**files, beam_size=2), Speech2TextGreedySearch(**files)
    speech, prompt = cases.recording(2.6), {"lang_sym": "<eng>", "task_sym": "<st_deu>"}
    assert speech2text.best_path(speech, "ab", **prompt) == greedy(speech, "ab", **prompt)
    assert speech2text.decode_window(speech, **prompt) == greedy(speech, **prompt)[0][0]
    speech = cases.recording(31.7)
    text = greedy.decode_long_batched_buffered(speech, 2, 4, **prompt)
    assert speech2text.decode_long(speech, 2, 4, init_text="a", **prompt) == [(0.0, 31.7, text)]
    assert list(greedy.iter_long(speech, context_len_in_secs=4, **prompt)) == [(0.0, 31.7, text)]
    assert speech2text.no_language() == "<nolang>"
    with pytest.raises(OptionError, match="start: expected an argument of decode_long, found an unknown name"):
        speech2text.decode_long(speech, start=0)


@pytest.mark.parametrize(("former", "counts"), [(False, [1, 2, 2, 3]), (True, [1, 2, 3, 3])])
def test_release_202511_ends_with_a_buffer_of_padding_where_buffers_fill_a_recording(files, former, counts):
    form = Speech2TextGreedySearch(**files, keep_prompt_frames=former).long_form
    samples = [form.hop - 1, form.hop + 1, 2 * form.hop, 2 * form.hop + 1]
    assert [len(list(form.buffers(np.zeros(count, np.float32)))) for count in samples] == counts


def test_recordings_may_be_files(files, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "a.wav", cases.recording(3.3), cases.RATE)
    speech2text = Speech2TextGreedySearch(**files)
    (text,) = speech2text.batch_decode([str(tmp_path / "a.wav")])
    assert text == speech2text.batch_decode(tmp_path / "a.wav")
    with pytest.raises(AudioError, match=r"missing\.wav"):
        speech2text.batch_decode("missing.wav")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lang_sym": "<xyz>"}, "lang_sym: expected one of .*, found '<xyz>'"),
        ({"task_sym": 3}, "task_sym: expected a symbol such as"),
        ({"ctc_weight": 0.3}, "ctc_weight: expected 1, since the model has no decoder, found 0.3"),
        ({"predict_time": True}, "predict_time: expected False, since CTC predicts no times"),
        ({"text_prev": [12, 99]}, "text_prev: expected indices of 24 tokens, found 99"),
        ({"generate_interctc_outputs": 1}, "generate_interctc_outputs: expected True or False, found 1"),
    ],
)
def test_options_that_are_refused(files, options, message):
    with pytest.raises(OptionError, match=message):
        Speech2Text(**files, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"batch_size": 0}, "batch_size: expected an integer of at least 1, found 0"),
        ({"context_len_in_secs": 15}, "context_len_in_secs: expected a multiple of 0.08 s below 15 s, found 15"),
        ({"context_len_in_secs": 0.05}, "context_len_in_secs: expected a multiple of 0.08 s"),
        ({"lang_sym": ["<eng>"] * 3}, "lang_sym: expected one value, or 1 of them, found 3"),
    ],
)
def test_calls_that_are_refused(files, call, message):
    with pytest.raises(OptionError, match=message):
        Speech2TextGreedySearch(**files).batch_decode([cases.recording(0.6)], **call)


def test_a_bundle_gives_the_same(files, tmp_path):
    from espnet2.export.make_bundle import make_bundle
    from espnet2.runtime import Speech2Text as Bundled

    del (paths := dict(files))["token_type"]
    bundle = make_bundle(tmp_path / "bundle", **paths)
    options = {"ctc_greedy": True, "generate_interctc_outputs": True, "timestamps": "word"}
    ours, theirs = Bundled(bundle.path, **options), Speech2Text(**files, **options)
    assert isinstance(ours, S2TCTCRecognizer)
    speech = [cases.recording(seconds) for seconds in (0.4, 2.6)]
    for prompt in cases.PROMPTS:
        for (found, layers), (expected, expected_layers) in zip(
            ours(speech, **prompt), theirs(speech, **prompt), strict=True
        ):
            assert [row[:4] for row in found] == [row[:4] for row in expected] and layers == expected_layers
            assert ours.times(found[0]) == theirs.times(expected[0])
    assert ours.batch_decode(speech, lang_sym=["<eng>", "<deu>"]) == theirs.batch_decode(
        speech, lang_sym=["<eng>", "<deu>"]
    )
