"""Pictures of synthesised speech."""

import numpy as np
import pytest
import synthesis_graphs

from espnet2.interface.errors import MissingPackageError
from espnet2.runtime.pictures import draw_attention, draw_end, draw_speech, drawing, labels_of, spectra
from espnet2.runtime.synthesis_options import SynthesisOptions
from espnet2.runtime.tts import Synthesizer
from espnet2.runtime.writers.synthesis import SynthesisFiles
from espnet2.utils.figure import as_image

pytest.importorskip("matplotlib")


def _spoken(model) -> dict[str, np.ndarray]:
    return Synthesizer(model, SynthesisOptions())("aab")


def test_folders_of_an_output_directory(tmp_path):
    result = _spoken(synthesis_graphs.stepwise_model())
    for choice, folders in (
        ("attention", {"att_ws", "probs"}),
        ("all", {"att_ws", "probs", "pictures"}),
        ("none", set()),
    ):
        with SynthesisFiles(tmp_path / choice, 8000, drawing(choice, 8000, lambda name: list("aab"))) as files:
            files("one", result)
        assert {path.parent.name for path in (tmp_path / choice).rglob("one.png")} == folders


def test_speech_is_drawn_with_its_tokens():
    result = _spoken(synthesis_graphs.model(with_vocoder=True))
    figure = draw_speech(result, 8000, list("aab"), "one")
    wave, features, *_ = figure.axes
    assert [text.get_text() for text in features.texts] == ["a", "a", "b"]
    assert len(features.lines) == 3  # boundaries of three tokens and the end
    assert np.array_equal(wave.lines[0].get_ydata(), result["wav"])
    assert as_image(figure).std() > 0
    assert as_image(draw_speech(_spoken(synthesis_graphs.latent_model()), 8000, [], "one")).std() > 0


def test_attention_and_end_are_drawn():
    figure = draw_attention(np.eye(3)[None, None], list("ab"), "one")
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["a", "b", ""]
    (axes,) = draw_end(np.array([0.1, 0.9]), "one").axes
    assert axes.lines[0].get_ydata().tolist() == [0.1, 0.9]


def test_labels_are_of_as_many_tokens():
    assert labels_of(["a", "b"], 2) == ["a", "b"]
    assert labels_of(["a", "b"], 3) == ["a", "b", ""]
    assert labels_of(["a", "b"], 4) is labels_of(["a"], 0) is labels_of([], 1) is None


def test_spectra_are_below_the_loudest():
    found = spectra(np.sin(np.arange(2048) / 3).astype(np.float32))
    assert found.shape[1] == 257 and found.max() == 0 and found.min() >= -100


def test_pictures_need_a_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert drawing("attention", 8000, list) is None
    with pytest.raises(MissingPackageError, match="pip install matplotlib"):
        drawing("all", 8000, list)
