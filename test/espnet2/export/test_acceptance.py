"""int8 graphs, accepted by their results or by what a recogniser makes of their speech."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from espnet2.bin import export_onnx
from espnet2.export import make_bundle as module
from espnet2.export import verify_bundle
from espnet2.export.acceptance import ByRecognizer, open_recognizer, require_accepted, require_recognizer
from espnet2.inference.trained import load_trained
from espnet2.interface.errors import OptionError, VerificationError
from espnet2.interface.families import family_of

RATE = 1000
TEXTS = ("One, two three.", "Four five")


def _trained(task: str, *names: str) -> Any:
    """A model of these graphs, whose speech is the place of its text, scaled by the loudness of its text encoder."""

    def run(options: Any, graphs: Any) -> Any:
        return lambda signal: {"wav": np.full(5, graphs["text_encoder"] * (1 + TEXTS.index(signal["text"])))}

    parts = tuple((None, SimpleNamespace(name=name)) for name in names)
    return SimpleNamespace(family=family_of(task), parts=parts, section=SimpleNamespace(sample_rate=RATE), run=run)


def _recognize(samples: np.ndarray) -> str:
    assert len(samples) == 205 and not samples[:100].any() and not samples[105:].any()  # silence around
    return {1: "ONE TWO THREE", 2: "FOUR FIVE", 10: "ONE TWO TREE", 20: "FOUR FIVE"}.get(int(samples[102]), "")


def _judge(*names: str, loudness: int = 1) -> ByRecognizer:
    signals = {text: {"text": text} for text in TEXTS}
    return ByRecognizer(_trained("tts", *names), {"text_encoder": loudness}, signals, _recognize)


def test_words_are_compared_with_those_of_fp32():
    judge = _judge("text_encoder")
    assert judge.rate({"text_encoder": 1}) == 0
    assert judge.rate({"text_encoder": 10}) == pytest.approx(0.2)
    assert judge.rate({"text_encoder": 100}) == 1.0
    assert judge.record(0.2) == {"word_error_rate": 0.2, "fp32_word_error_rate": 0.0}
    require_accepted(0.01, judge, 2)
    with pytest.raises(VerificationError, match=r"at most 2\.0% more word errors against fp32 on 2 rec.* found 20\.0%"):
        require_accepted(0.2, judge, 2)
    better = _judge("text_encoder", loudness=10)
    assert better.rate({"text_encoder": 1}) == pytest.approx(-0.2)


def test_a_recogniser_of_something_else_is_refused():
    with pytest.raises(OptionError, match=r"--recognizer: expected at most 50% word errors .* found 100%"):
        _judge("text_encoder", loudness=100)


def test_text_encoders_are_tried_first(caplog):
    assert list(_judge("text_encoder", "feature_decoder", "vocoder").attempts()) == [(["text_encoder"], True)]
    assert not caplog.text
    assert list(_judge("text_encoder", "decoder_step", "vocoder").attempts()) == [
        (["text_encoder", "decoder_step"], True),
        (["decoder_step"], True),
    ]
    assert "text_encoder in fp32" in caplog.text


@pytest.mark.parametrize(
    ("task", "names", "given", "sentence"),
    [
        (
            "tts",
            ("text_encoder",),
            (None, "int8", 1),
            "--quantize int8: expected --recognizer with it, .* text_encoder",
        ),
        (
            "tts",
            ("text_encoder",),
            ("bundle", None, 1),
            r"--recognizer: expected int8 graphs \(--quantize int8\), which it judges, found none",
        ),
        ("tts", ("text_encoder",), ("bundle", "int8", 0), "--recognizer: expected texts to synthesise, found none"),
        (
            "asr",
            ("encoder",),
            ("bundle", "int8", 1),
            "--recognizer: expected none for speech recognition, found bundle",
        ),
        ("vocoder", ("vocoder",), ("bundle", "int8", 1), "--recognizer: expected none for vocoders, found bundle"),
    ],
)
def test_options_that_do_not_go_together(task, names, given, sentence):
    with pytest.raises(OptionError, match=sentence):
        require_recognizer(_trained(task, *names), *given)


def test_verification_refuses_a_recognizer_that_has_nothing_to_judge(demo_bundle):
    whole = SimpleNamespace(manifest=SimpleNamespace(quantized={}))
    assert verify_bundle._recognize(whole, _trained("tts", "text_encoder"), None, 0) is None
    with pytest.raises(OptionError, match="--recognizer: expected int8 graphs"):
        verify_bundle._recognize(whole, _trained("tts", "text_encoder"), demo_bundle, 1)


@pytest.mark.parametrize("given", [(None, None, 0), (None, "int8", 0), ("bundle", "int8", 1)])
def test_options_that_go_together(given, caplog):
    caplog.set_level("INFO")
    require_recognizer(_trained("tts", "text_encoder", "decoder_step"), *given)
    assert ("text_encoder in fp32" in caplog.text) == (given[:2] == (None, "int8"))


def test_the_demo_recogniser_judges_the_demo_synthesiser(repo_dir, demo_bundle):
    exp = repo_dir / "egs2/digits/tts1/demo/exp/tts"
    trained = load_trained(tts_train_config=exp / "config.yaml", tts_model_file=exp / "train.loss.ave.pth")
    signals = trained.signals(["three one four", "nine eight"])
    recognize = open_recognizer(demo_bundle, trained.section.sample_rate)
    judge = ByRecognizer(trained, trained.graphs, signals, recognize)
    assert judge.record(judge.rate(trained.graphs)) == {"word_error_rate": 0.0, "fp32_word_error_rate": 0.0}


def test_int8_speech_with_other_words_leaves_no_bundle(repo_dir, tmp_path, monkeypatch, capsys):
    exp, tried, errors = repo_dir / "egs2/digits/tts1/demo/exp/tts", [], iter([0.0, 0.5])
    names = ("text_encoder", "feature_decoder")
    monkeypatch.setattr(module, "_export", lambda *_: {name: Path(name) for name in names})
    monkeypatch.setattr(module, "OnnxGraph", lambda path, component: None)
    monkeypatch.setattr(module, "compare_all", lambda *_, **__: [])
    monkeypatch.setattr(module, "_quantize", lambda paths, names, outputs: tried.append(names) or {})
    monkeypatch.setattr(module, "open_recognizer", lambda bundle, rate: str)
    monkeypatch.setattr(ByRecognizer, "_errors", lambda *_: next(errors))
    model = ["--tts_train_config", str(exp / "config.yaml"), "--tts_model_file", str(exp / "train.loss.ave.pth")]
    command = [*model, "--output_dir", str(tmp_path / "b"), "--quantize", "int8", "--recognizer", "r", "one two", "six"]
    assert export_onnx.main(command) == 2
    assert "at most 2.0% more word errors against fp32 on 2 recordings, found 50.0%" in capsys.readouterr().err
    assert tried == [["text_encoder"]] and list(tmp_path.iterdir()) == []
