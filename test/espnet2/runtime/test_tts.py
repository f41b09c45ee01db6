"""Text to speech over graphs of arrays: durations, frames, samples, and what is told of bad input."""

import logging

import numpy as np
import pytest
import synthesis_graphs

from espnet2.interface.errors import AudioError, DataError, OptionError
from espnet2.runtime.durations import frames_of, scaled
from espnet2.runtime.noise import noise_of
from espnet2.runtime.synthesis_options import SynthesisOptions, warn_of_unread
from espnet2.runtime.tts import Synthesizer

KEYS = ["feat_gen", "duration", "pitch", "energy", "feat_gen_denorm", "wav"]
SPEMB = np.ones(4, np.float32)


def synthesizer(*conditions: str, denormalised: bool = True, with_vocoder: bool = True, **options) -> Synthesizer:
    model = synthesis_graphs.model(*conditions, denormalised=denormalised, with_vocoder=with_vocoder)
    return Synthesizer(model, SynthesisOptions(**options))


def test_results_have_upstreams_names_and_shapes():
    results = synthesizer()("ab")
    assert list(results) == KEYS
    assert results["duration"].tolist() == [2, 3, 0]  # ids of a and b; the end
    assert results["feat_gen"][:, 0].tolist() == [14.0, 14.0, 16.0, 16.0, 16.0]
    assert results["pitch"].shape == results["energy"].shape == (3, 1)
    assert results["wav"].tolist() == [114.0] * 4 + [116.0] * 6


def test_ids_are_spoken_as_they_are():
    assert synthesizer()(np.array([2, 3]))["duration"].tolist() == [2, 3, 0]


@pytest.mark.parametrize(("alpha", "expected"), [(0.5, [1, 2, 0]), (1.0, [2, 3, 0]), (2.0, [4, 6, 0])])
def test_speed(alpha, expected):
    for found in (synthesizer(speed_control_alpha=alpha)("ab"), synthesizer()("ab", decode_conf={"alpha": alpha})):
        assert found["duration"].tolist() == [2, 3, 0]
        assert len(found["feat_gen"]) == sum(expected)


def test_a_text_without_frames_has_one_for_each_token():
    assert scaled(np.array([0, 0]), 1.0).tolist() == [1, 1]
    found = synthesizer()(np.array([0]))
    assert found["duration"].tolist() == [1, 1] and len(found["feat_gen"]) == 2
    slow = synthesizer(speed_control_alpha=2.0)(np.array([0]))
    assert slow["duration"].tolist() == [0, 0] and len(slow["feat_gen"]) == 2


def test_half_frames_are_rounded_to_even():
    durations = np.array([1.5, 2.5, -0.6, 3.4])
    assert frames_of(np.log(durations + 1)).tolist() == [2, 2, 0, 3]
    assert scaled(np.array([1, 3, 5]), 0.5).tolist() == [0, 2, 2]


@pytest.mark.parametrize("options", [{"prefer_normalized_feats": True}, {"denormalised": False}])
def test_normalised_features_go_to_the_vocoder(options):
    results = synthesizer(**options)("a")
    assert results["wav"].tolist() == [14.0] * 4


def test_teacher_forcing():
    forced = synthesizer(use_teacher_forcing=True)
    results = forced("ab", durations=[1, 0, 2], pitch=[[1.0], [2.0], [3.0]])
    assert results["feat_gen"][:, 0].tolist() == [3.0, 3.0, 3.0]
    assert np.allclose(results["duration"], np.log([3, 4, 1]))
    assert results["pitch"][:, 0].tolist() == [12.0, 13.0, 10.0]
    assert forced("ab", durations=[1, 0, 0])["feat_gen"][:, 0].tolist() == [14.0]


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({}, OptionError, "durations.*use_teacher_forcing"),
        ({"durations": [1, 2]}, DataError, "durations: expected 3 whole numbers"),
        ({"durations": [1, -2, 1]}, DataError, "durations: expected frames of at least 0, and one above"),
        ({"durations": [0, 0, 0]}, DataError, "durations: expected frames of at least 0, and one above"),
        ({"durations": [1, 1, 1], "pitch": [1.0, 2.0, 3.0]}, DataError, r"pitch: expected finite numbers \(3, 1\)"),
        ({"durations": [1, 1, 1], "energy": [[1.0], [np.nan], [3.0]]}, DataError, "energy"),
    ],
)
def test_given_values_that_cannot_be_spoken(given, error, sentence):
    with pytest.raises(error, match=sentence):
        synthesizer(use_teacher_forcing=True)("ab", **given)


def test_conditions_are_fed():
    found = synthesizer("sids", "lids", "spembs")
    assert (found.use_sids, found.use_lids, found.use_spembs, found.use_speech) == (True, True, True, False)
    found("a", sids=2, lids=np.array([1]), spembs=SPEMB.astype(np.float64))
    (feeds,) = found.encoder.calls
    assert feeds["sids"].tolist() == [[2]] and feeds["lids"].tolist() == [[1]]
    assert feeds["spembs"].shape == (1, 4) and feeds["spembs"].dtype == np.float32
    assert not synthesizer().use_sids


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"spembs": SPEMB}, "sids: expected the number of a speaker, .*found none"),
        ({"sids": 3, "spembs": SPEMB}, "sids: .*from 0 to 2, found 3"),
        ({"sids": [1, 2], "spembs": SPEMB}, r"sids: .*\(1,\), found \[1, 2\]"),
        ({"sids": 1.5, "spembs": SPEMB}, "sids: .*found 1.5"),
        ({"sids": 1, "spembs": SPEMB[:3]}, r"spembs: expected the speaker embedding of shape \(4,\)"),
        ({"sids": 1, "spembs": SPEMB * np.nan}, "spembs: expected finite numbers"),
        ({"sids": 1, "spembs": np.full(4, 1e300)}, "spembs: expected finite numbers"),
    ],
)
def test_conditions_that_do_not_fit(given, sentence):
    with pytest.raises(DataError, match=sentence):
        synthesizer("sids", "spembs")("a", **given)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "at least one token, found ''"),
        ([], "a text, or at least one token id"),
        ([[2, 3]], "a text, or at least one token id"),
        ([1.5], "a text, or at least one token id"),
        ([2, 6], "token ids from 0 to 5, found 2 to 6"),
        ([-1], "token ids from 0 to 5, found -1"),
    ],
)
def test_texts_that_cannot_be_spoken(text, sentence):
    with pytest.raises(DataError, match=sentence):
        synthesizer()(text)


def test_a_text_that_is_too_long_for_memory_is_refused(monkeypatch):
    monkeypatch.setattr("espnet2.runtime.memory.available_memory", lambda: 2 * 8 * 4 * 100)  # 10 steps, one head
    ten, eleven = np.array([2] * 5 + [0] * 5), np.array([2] * 5 + [1] + [0] * 4)
    assert len(synthesizer()(ten)["feat_gen"]) == 10
    with pytest.raises(DataError, match=r"found 11 frames, which would take about .*max_text_length"):
        synthesizer()(eleven)
    with pytest.raises(DataError, match="found 11 tokens"):
        synthesizer()(np.zeros(11, np.int64))


def test_unknown_tokens_are_named(caplog):
    with caplog.at_level(logging.WARNING):
        assert synthesizer()("axbx")["duration"].tolist() == [2, 1, 3, 1, 0]
    assert "tokens that the model does not know: x" in caplog.text


def test_griffin_lim_draws_phases_from_the_seed():
    first, second = (synthesizer(with_vocoder=False, seed=3) for _ in range(2))
    spoken, again, other = first("ab")["wav"], second("ab")["wav"], second("ab")["wav"]
    assert len(spoken) == 4 * 8  # frames less one, times the shift
    assert np.array_equal(spoken, again)
    assert not np.allclose(again, other)
    fixed = synthesizer(with_vocoder=False, always_fix_seed=True)
    assert np.array_equal(fixed("ab")["wav"], fixed("ab")["wav"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"speed_control_alpha": 0}, "speed_control_alpha: expected above 0 and at most 100, found 0"),
        ({"maxlenratio": 1e12}, "maxlenratio: expected from 0 to 1000, found"),
        ({"minlenratio": -1.0}, "minlenratio: expected from 0 to 1000, found"),
        ({"speed_control_alpha": float("nan")}, "speed_control_alpha"),
        ({"griffin_lim_iters": -1}, "griffin_lim_iters"),
        ({"seed": -1}, "seed"),
        ({"use_teacher_forcing": 1}, "use_teacher_forcing: expected True or False"),
        ({"noise_scale": -0.1}, "noise_scale: expected a finite number of at least 0, found -0.1"),
        ({"noise_scale_dur": float("inf")}, "noise_scale_dur: expected a finite number of at least 0, found inf"),
        ({"threshold": "half"}, "threshold: expected a finite number"),
        ({"forward_window": 1.5}, "forward_window: expected an integer"),
        ({"alpa": 1.0}, "alpa: expected an option of synthesis, found an unknown name"),
    ],
)
def test_options_that_are_refused(options, sentence):
    with pytest.raises(OptionError, match=sentence):
        SynthesisOptions.from_keywords(options)


LATENT = synthesis_graphs.latent_model("noise_durations")
STEPWISE = synthesis_graphs.stepwise_model()


@pytest.mark.parametrize(
    ("options", "model", "expected"),
    [
        ({}, synthesis_graphs.model(with_vocoder=True), None),
        ({"speed_control_alpha": 2.0, "seed": 3, "griffin_lim_iters": 32}, synthesis_graphs.model(), None),
        ({"threshold": 0.6, "noise_scale": 0.5}, synthesis_graphs.model(), "threshold 0.6, noise_scale 0.5"),
        ({"maxlenratio": 5.0, "seed": 3}, synthesis_graphs.model(with_vocoder=True), "maxlenratio 5.0, seed 3"),
        ({"seed": 0}, synthesis_graphs.model(with_vocoder=True), None),  # the default of commands
        ({"seed": 3, "noise_scale": 0.5, "noise_scale_dur": 1.0}, LATENT, None),
        ({"threshold": 0.6, "seed": 3}, STEPWISE, None),
        ({"noise_scale": 0.6}, STEPWISE, "noise_scale 0.6"),
    ],
)
def test_options_without_effect_are_named(options, model, expected, caplog):
    warn_of_unread(SynthesisOptions(**options), [graph.component for graph in model.graphs.values()])
    sentences = [record.getMessage() for record in caplog.records]
    assert sentences == ([] if expected is None else [f"without effect on this model: {expected}"])


def test_options_of_one_text_are_checked():
    with pytest.raises(OptionError, match="speed_control_alpha"):
        synthesizer()("a", decode_conf={"alpha": -1.0})


def test_latent_models_give_samples_and_durations():
    silent = {"noise_scale": 0.0, "noise_scale_dur": 0.0}
    results = Synthesizer(LATENT, SynthesisOptions(**silent))("ab")
    assert list(results) == ["att_w", "duration", "focus_rate", "wav"]
    assert results["att_w"].argmax(1).tolist() == [0, 0, 1, 1, 1] and results["focus_rate"] == 1
    assert results["duration"].tolist() == [2, 3]  # 1.5 and 2.5 frames have begun two and three
    assert results["wav"].shape == (20,)
    slow = Synthesizer(LATENT, SynthesisOptions(**silent, speed_control_alpha=1.5))("ab")
    assert slow["duration"].tolist() == [3, 4]  # of 2.25 and 3.75
    forced = Synthesizer(LATENT, SynthesisOptions(use_teacher_forcing=True))("ab", durations=[1, 2])
    assert len(forced["wav"]) == 12


def test_durations_without_end_are_refused():
    sentence = "durations: expected at most 10000000 frames of a text, found more"
    for scale in (1e3, 1e30):
        with pytest.raises(DataError, match=sentence):
            Synthesizer(LATENT, SynthesisOptions(noise_scale_dur=scale))("ab")
    with pytest.raises(DataError, match=sentence):
        Synthesizer(LATENT, SynthesisOptions(use_teacher_forcing=True))("ab", durations=[1, 10**9])


def test_noise_is_of_the_seed():
    def spoken(**options) -> np.ndarray:
        return Synthesizer(LATENT, SynthesisOptions(**options))("ab")["wav"]

    assert np.array_equal(spoken(), spoken())
    assert not np.array_equal(spoken(), spoken(seed=3))
    one = Synthesizer(LATENT, SynthesisOptions(always_fix_seed=True))
    assert np.array_equal(one("ab")["wav"], one("ab")["wav"])
    other = Synthesizer(LATENT, SynthesisOptions())
    assert not np.array_equal(other("ab")["wav"], other("ab")["wav"])
    seeded = [other("ab", decode_conf={"seed": 5})["wav"] for _ in range(2)]
    assert np.array_equal(*seeded)


def test_the_same_noise_on_every_machine():
    tensor = synthesis_graphs.latent_decoder().component.inputs[-1]
    found = noise_of(LATENT.graphs["feature_decoder"].component, tensor, (2, 2), 777, SynthesisOptions())
    expected = [[0.27822146, -0.48165533], [-0.12128877, 0.14101358]]
    assert np.allclose(found, expected, atol=1e-6)


def test_style_is_of_a_reference_utterance():
    speaker = Synthesizer(
        synthesis_graphs.latent_model("style"), SynthesisOptions(noise_scale=0.0, always_fix_seed=True)
    )
    assert speaker.use_speech
    speech = np.full(16, 0.5, np.float32)
    assert np.allclose(speaker("ab", speech)["wav"] - speaker("ab", speech * 3)["wav"], -1.0, atol=1e-5)
    for given, sentence in (
        (None, "speech: expected a reference utterance"),
        (np.zeros(16, np.float32), "speech: expected sound, found nothing but zeros"),
        (speech[:3], "speech: expected at least 8 samples, found 3"),
        (np.ones(16, np.int16), "speech: expected floating point numbers"),
    ):
        with pytest.raises((DataError, AudioError), match=sentence):
            speaker("ab", given)


def test_stepwise_models_stop_by_themselves():
    speaker = Synthesizer(STEPWISE, SynthesisOptions())
    results = speaker("ab")
    assert results["feat_gen"][:, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert results["wav"].tolist() == [101, 101, 102, 102, 103, 103, 104, 104, 105, 105, 106, 106]
    assert set(results) >= {"feat_gen", "prob", "att_w", "feat_gen_denorm", "wav"}
    assert results["prob"].shape == (6,) and results["att_w"].shape == (3, 3)
    assert results["duration"].tolist() == [1, 1, 1] and results["focus_rate"] == 1
    assert len(speaker("ab", decode_conf={"maxlenratio": 0.5})["feat_gen"]) == 2
    with pytest.raises(DataError, match=r"feats: expected features .*, which use_teacher_forcing needs, found none"):
        speaker("ab", durations=[1, 1, 1], decode_conf={"use_teacher_forcing": True})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("...", "text: expected words, found nothing but punctuation or spaces: '...'"),
        ("¿ …?", "punctuation"),
        ("xyz", "text: expected tokens that the model knows, found none but x, y, z"),
    ],
)
def test_texts_without_words_are_refused(text, sentence):
    with pytest.raises(DataError, match=sentence):
        synthesizer()(text)
