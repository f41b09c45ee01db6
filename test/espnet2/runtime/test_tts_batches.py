"""Batches, streams and long texts over graphs of arrays."""

import numpy as np
import pytest
import synthesis_graphs

from espnet2.interface.errors import DataError
from espnet2.runtime.synthesis_options import SynthesisOptions
from espnet2.runtime.tts import Synthesizer

LATENT = synthesis_graphs.latent_model("noise_durations")
STEPWISE = synthesis_graphs.stepwise_model()


def synthesizer(*conditions: str, **options) -> Synthesizer:
    return Synthesizer(synthesis_graphs.model(*conditions, with_vocoder=True), SynthesisOptions(**options))


TEXTS = ["ab", "b", "aabb"]


@pytest.mark.parametrize(
    "model",
    [synthesis_graphs.model(with_vocoder=True), synthesis_graphs.model(), LATENT, STEPWISE],
    ids=["vocoder", "griffin_lim", "latent", "stepwise"],
)
def test_a_batch_gives_what_single_texts_do(model):
    alone = Synthesizer(model, SynthesisOptions())
    expected = [alone(text) for text in TEXTS]
    for size in (1, 2, 3):
        found = Synthesizer(model, SynthesisOptions(batch_size=size)).batch(TEXTS)
        for one, other in zip(expected, found, strict=True):
            assert list(one) == list(other)
            assert all(np.array_equal(one[name], other[name]) for name in one)


def test_conditions_and_durations_of_a_batch():
    speaker = synthesizer("sids", use_teacher_forcing=True)
    given = [{"sids": 1, "durations": [1, 1, 0]}, {"sids": 2, "durations": [0, 3]}]
    assert [len(one["feat_gen"]) for one in speaker.batch(["ab", "b"], given)] == [2, 3]
    with pytest.raises(DataError, match="given: expected arguments for each of 2 texts, found 1"):
        speaker.batch(["ab", "b"], given[:1])
    found = speaker.batch_call(
        ["ab", "b"], sids=[1, 2], durations=np.array([[1, 1, 0], [0, 3, 9]]), durations_lengths=[3, 2]
    )
    assert found["feat_gen_lengths"].tolist() == [2, 3] and found["duration"].shape == (2, 3)
    assert [len(samples) for samples in found["wav"]] == [4, 6]
    with pytest.raises(DataError, match="sids: expected one for each of 2 texts, found 3"):
        speaker.batch_call(["ab", "b"], sids=[1, 2, 1])


def test_texts_that_fail_do_not_move_the_noise_of_others():
    expected = Synthesizer(LATENT, SynthesisOptions()).batch(["ab", "ab"])
    speaker = Synthesizer(LATENT, SynthesisOptions())
    with pytest.raises(DataError):
        speaker.batch(["ab", ""])
    for one in expected:
        assert np.array_equal(one["wav"], speaker("ab")["wav"])


def test_memory_limits_batches(monkeypatch):
    speaker = synthesizer(batch_size=4)
    texts = [np.array([2, 2])] * 4
    expected = speaker.batch(texts)
    monkeypatch.setattr("espnet2.runtime.memory.available_memory", lambda: 2 * 8 * 4 * 4**2 * 3)  # three of 4 frames
    found = speaker.batch(texts)
    assert [len(call["frame_lengths"]) for call in speaker._model.graphs["feature_decoder"].calls] == [4, 3, 1]
    assert all(np.array_equal(one["wav"], other["wav"]) for one, other in zip(expected, found, strict=True))


@pytest.mark.parametrize("count", [1, 5, 40, 2000])
@pytest.mark.parametrize("model", [LATENT, synthesis_graphs.model()], ids=["windows", "one piece"])
def test_streams_give_the_same_samples(model, count):
    ids = np.resize([2, 3], count)
    expected = Synthesizer(model, SynthesisOptions())(ids)["wav"]
    pieces = list(Synthesizer(model, SynthesisOptions()).stream(ids))
    assert np.allclose(np.concatenate(pieces), expected, atol=1e-5)
    if model is LATENT and count > 30:
        assert len(pieces) > 1 and len(pieces[0]) < len(pieces[1]) and len(pieces[0]) == 16 * 4


def test_long_utterances_go_through_the_vocoder_in_pieces(monkeypatch):
    ids, model = np.resize([2, 3], 2000), synthesis_graphs.latent_model("noise_durations")
    found = Synthesizer(model, SynthesisOptions())(ids)["wav"]
    frames = [call["feats"].shape[1] for call in model.graphs["vocoder"].calls]
    assert len(frames) > 3 and max(frames) < 600
    monkeypatch.setattr("espnet2.runtime.synthesis_flow.AT_ONCE", 10**6)
    assert np.allclose(found, Synthesizer(model, SynthesisOptions())(ids)["wav"], atol=1e-5)
    assert model.graphs["vocoder"].calls[-1]["feats"].shape[1] > 1000


def test_streams_tell_errors_at_once():
    with pytest.raises(DataError, match="at least one token"):
        Synthesizer(LATENT, SynthesisOptions()).stream("")


def test_long_texts_are_cut_and_joined():
    whole = synthesizer()("ab. ba. ab")
    cut = synthesizer(max_text_length=7)
    results = cut("ab. ba. ab")
    assert [call["text"].shape[1] for call in cut.encoder.calls] == [7, 2]
    assert list(results) == list(whole)
    assert len(results["duration"]) == 11 and len(results["wav"]) == 2 * len(results["feat_gen"])
    assert np.array_equal(np.concatenate(list(cut.stream("ab. ba. ab"))), results["wav"])
    stepwise = Synthesizer(STEPWISE, SynthesisOptions(max_text_length=3))("ab. ab")
    assert "att_w" not in stepwise and stepwise["focus_rate"].shape == ()
    with pytest.raises(DataError, match=r"text: expected at most 7 characters \(max_text_length\), found 10"):
        synthesizer(max_text_length=7, long_text="refuse")("ab. ba. ab")
