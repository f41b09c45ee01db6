"""The families of synthesisers and vocoders: sections, components, signals, comparison."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import synthesis_graphs

from espnet2.interface.errors import BundleError, DataError, OptionError
from espnet2.interface.families import family_of
from espnet2.runtime.families.tts import TTS
from espnet2.runtime.families.vocoder import VOCODER, VocoderSection
from espnet2.runtime.synthesis_model import SynthesisSection

MODEL = synthesis_graphs.model("sids", "spembs", with_vocoder=True)
COMPONENTS = {name: graph.component for name, graph in MODEL.graphs.items()}
SECTION = synthesis_graphs.SECTION


def test_a_section_is_read_as_it_was_written():
    assert SynthesisSection.from_dict(SECTION.to_dict()) == SECTION
    assert VocoderSection.from_dict({"sample_rate": 8000}) == VocoderSection(8000)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"sample_rate": 0}, "sample_rate: expected a rate in Hz, found 0"),
        ({"tokens": []}, "tokens"),
        ({"text": {"token_type": "char"}}, "text: expected the keys token_type, cleaner"),
        ({"text": {**synthesis_graphs.TEXT, "token_type": "runes"}}, "text.token_type.*runes"),
        ({"text": {**synthesis_graphs.TEXT, "cleaner": "tacotron"}}, "text.cleaner: expected a list"),
        ({"text": {**synthesis_graphs.TEXT, "g2p": [1]}}, "text.g2p: expected a name"),
        ({"text": {**synthesis_graphs.TEXT, "cleaner": ["x"]}}, "text.cleaner: expected some of tacotron, .* found x"),
        (
            {"text": {**synthesis_graphs.TEXT, "token_type": "phn", "g2p": "x"}},
            "text.g2p: expected one of .* more, found x",
        ),
        ({"griffin_lim": {"hop": 3}}, "griffin_lim: expected arguments among n_fft"),
        *(
            ({"griffin_lim": {**synthesis_graphs.GRIFFIN_LIM, name: value}}, f"griffin_lim.*{name}")
            for name, value in (
                ("n_fft", "abc"),
                ("n_fft", None),
                ("n_fft", 10**12),
                ("n_fft", 7),
                ("n_shift", 0),
                ("n_shift", True),
                ("win_length", 17),
                ("fs", 1.5),
                ("fmin", "low"),
                ("fmax", float("nan")),
                ("log_base", 1),
                ("window", ["hann"]),
                ("htk", "yes"),
                ("griffin_lim_iters", -1),
            )
        ),
        ({"griffin_lim": {"n_fft": 16}}, "griffin_lim.n_shift: expected a whole number from 1 to 16384, found None"),
        ({"griffin_lim": {**synthesis_graphs.GRIFFIN_LIM, "n_mels": 4}}, "griffin_lim.fs"),
        ({"griffin_lim": {**synthesis_graphs.GRIFFIN_LIM, "n_mels": 4, "fs": 8, "fmin": 9}}, "fmin below fmax"),
    ],
)
def test_sections_that_cannot_be_used(changed, sentence):
    with pytest.raises(BundleError, match=sentence):
        SynthesisSection.from_dict({**SECTION.to_dict(), **changed})


def test_components_are_checked():
    TTS.require_usable(COMPONENTS, SECTION)
    without = {name: component for name, component in COMPONENTS.items() if name != "feature_decoder"}
    with pytest.raises(BundleError, match="expected a component 'feature_decoder'"):
        TTS.require_usable(without, SECTION)
    with pytest.raises(BundleError, match="vocoder: expected the outputs wav, found hidden"):
        TTS.require_usable({**COMPONENTS, "vocoder": COMPONENTS["text_encoder"]}, SECTION)
    with pytest.raises(BundleError, match=r"text_encoder: expected inputs among .*, found hidden, pitch"):
        TTS.require_usable({**COMPONENTS, "text_encoder": COMPONENTS["feature_decoder"]}, SECTION)
    with pytest.raises(BundleError, match="scorer: expected a component among style_encoder"):
        TTS.require_usable({**COMPONENTS, "scorer": COMPONENTS["vocoder"]}, SECTION)
    with pytest.raises(BundleError, match="griffin_lim"):
        silent = dataclasses.replace(SECTION, griffin_lim={})
        TTS.require_usable({name: c for name, c in COMPONENTS.items() if name != "vocoder"}, silent)
    with pytest.raises(BundleError, match="expected feats and wav"):
        VOCODER.require_usable({"vocoder": COMPONENTS["text_encoder"]}, VocoderSection(8000))


@pytest.mark.parametrize(
    "model",
    [synthesis_graphs.latent_model("style", "noise_durations"), synthesis_graphs.stepwise_model()],
    ids=["latent", "stepwise"],
)
def test_other_models_are_spoken(model):
    components = {name: graph.component for name, graph in model.graphs.items()}
    TTS.require_usable(components, SECTION)
    run = TTS.run(model, TTS.checked_options(components, SECTION, True)[0])
    for name, signal in TTS.signals(components, SECTION, ()).items():
        expected = run(signal)
        checks = TTS.compare(expected, run(TTS.following(signal, expected)), name)
        assert all(check.passed and check.difference == 0 for check in checks) and len(checks) > 1


def test_drawn_signals_are_spoken():
    signals = TTS.signals(COMPONENTS, SECTION, ())
    assert [len(signal["text"]) for signal in signals.values()] == [1, 17, 40]
    run = TTS.run(MODEL, TTS.read_options({}))
    for name, signal in signals.items():
        assert 0 <= signal["sids"].item() < 3 and signal["spembs"].shape == (4,)
        checks = TTS.compare(run(signal), run(signal), name)
        assert all(check.passed and check.difference == 0 for check in checks) and len(checks) > 3


def test_signals_are_texts_and_lines_of_files(tmp_path):
    path = tmp_path / "texts"
    path.write_text("ab\n\nba\n")
    assert [signal["text"] for signal in TTS.signals(COMPONENTS, SECTION, ["a b", path]).values()] == [
        "a b",
        "ab",
        "ba",
    ]


@pytest.mark.parametrize("given", [Path("missing"), "missing.txt", "a missing file.TXT", "texts/missing"])
def test_a_file_that_is_not_there_is_no_text(given):
    with pytest.raises(DataError, match=r"missing.*: expected a text, or a file of texts, found no such file"):
        TTS.signals(COMPONENTS, SECTION, [given])


@pytest.mark.parametrize("text", ["", np.array([], np.int64)])
def test_texts_without_tokens_are_found_before_export(text):
    with pytest.raises(DataError, match="text: expected"):
        family_of("tts").check_signal(synthesis_graphs.model(), {"text": text})


def test_features_are_of_pytorchs_durations():
    run = TTS.run(MODEL, TTS.read_options({}))
    signal = {"text": np.array([2, 3]), "sids": 0, "spembs": np.zeros(4)}
    expected = run(signal)
    found = run(TTS.following(signal, {**expected, "duration": np.array([2, 4, 1])}))
    assert found["duration"].tolist() == expected["duration"].tolist() == [2, 3, 0]
    assert found["feat_gen"][:, 0].tolist() == [14.0] * 2 + [16.0] * 4 + [10.0]
    assert len(run(TTS.following(signal, {**expected, "duration": np.zeros(3, np.int64)}))["feat_gen"]) == 3


def test_a_step_may_be_the_last_by_rounding():
    model = synthesis_graphs.stepwise_model()
    expected = TTS.run(model, TTS.read_options({}))({"text": np.array([2, 3])})
    shorter = {name: value[:4] if name in ("prob", "feat_gen", "wav") else value for name, value in expected.items()}
    for found, passed in (
        ({**expected, "duration": expected["duration"] + 1}, True),  # attention has the same weights
        (shorter, True),
        ({**shorter, "prob": shorter["prob"] + 0.01}, False),
        ({**expected, "feat_gen": expected["feat_gen"][1:]}, False),
    ):
        assert all(check.passed for check in TTS.compare(expected, found, "text")) == passed


@pytest.mark.parametrize("given", ["Who said he/she is missing?", "a" * 5000])
def test_texts_are_no_files(given):
    assert [signal["text"] for signal in TTS.signals(COMPONENTS, SECTION, [given]).values()] == [given]


def test_a_duration_may_be_rounded_the_other_way():
    run = TTS.run(MODEL, TTS.read_options({}))
    signal = {"text": np.array([2, 3]), "sids": 0, "spembs": np.zeros(4)}
    expected = run(signal)
    near = {**expected, "log_durations": np.log1p(np.float32([2, 3.49999, 0])), "duration": np.array([2, 3, 0])}
    other = {**near, "duration": near["duration"] + [0, 1, 0]}
    for found, passed in (
        (near, True),
        (other, True),
        ({**other, "feat_gen": other["feat_gen"] + 9}, False),
        ({**other, "feat_gen": other["feat_gen"][1:]}, False),
        ({**near, "duration": near["duration"] + [0, 2, 0]}, False),
        ({**near, "duration": near["duration"] + [1, 0, 0]}, False),
        ({**near, "duration": near["duration"] - [0, 1, 0]}, False),
        ({**near, "duration": near["duration"] + 1, "feat_gen": np.full_like(near["feat_gen"], 9)}, False),
        ({**near, "duration": np.array([1])}, False),
        ({**near, "log_durations": near["log_durations"] + 0.01}, False),
    ):
        assert all(check.passed for check in TTS.compare(near, found, "text")) == passed
    assert not all(check.passed for check in TTS.compare(expected, {**expected, "wav": expected["wav"] + 1}, "text"))


def test_vocoders_are_compared_by_samples():
    graphs = {"vocoder": synthesis_graphs.vocoder()}
    components = {"vocoder": graphs["vocoder"].component}
    options = VOCODER.read_options({})
    run = VOCODER.run(VOCODER.model(graphs, VocoderSection(8000), {}, options), options)
    for name, feats in VOCODER.signals(components, VocoderSection(8000), ()).items():
        (check,) = VOCODER.compare(run(feats), run(feats), name)
        assert check.passed
    with pytest.raises(OptionError, match="recordings"):
        VOCODER.signals(components, VocoderSection(8000), ["x.wav"])


def test_drawn_texts_of_stepwise_models_are_short():
    step = dataclasses.replace(COMPONENTS["feature_decoder"], name="decoder_step")
    for components, bounded, ratio in ((COMPONENTS, True, 10.0), ({"decoder_step": step}, False, 10.0)):
        assert TTS.checked_options(components, SECTION, bounded)[1].maxlenratio == ratio
    assert TTS.checked_options({"decoder_step": step}, SECTION, True)[1].maxlenratio == 1.0


def test_int8_is_judged_by_features():
    rng = np.random.default_rng(0)
    feats = [rng.standard_normal((frames, 4)) for frames in (20, 30)]
    expected = [{"feat_gen": one} for one in feats]
    assert TTS.deviation(expected, [{"feat_gen": np.repeat(one, 2, axis=0)} for one in feats]) == 0
    far = TTS.deviation(expected, [{"feat_gen": one + 0.02} for one in feats])
    assert 0 < far < TTS.most_deviation < TTS.deviation(expected, expected[::-1])
