"""Pictures of alignments show the model's features, its posteriors, and the frames that the aligner finds."""

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

import torch

from espnet.nets.ctc_alignment import align
from espnet2.fileio.audio import read_audio
from espnet2.fileio.read_text import read_2columns_text
from espnet2.inference.trained import load_trained
from espnet2.interface.errors import DataError, OptionError
from espnet2.text.token_id_converter import TokenIDConverter
from espnet2.train.pictures.alignment import COLOURS, Alignment, align_utterance, draw
from espnet2.utils.figure import as_image


@pytest.fixture(scope="module")
def trained(demo_dir):
    return load_trained(asr_model_file=demo_dir / "exp" / "asr" / "valid.acc.ave.pth")


@pytest.fixture(scope="module")
def speech(demo_dir, trained):
    return read_audio(sorted((demo_dir / "recordings").glob("*.flac"))[0], trained.section.sample_rate)


@pytest.fixture(scope="module")
def token_ids(demo_dir, trained):
    utterance = sorted((demo_dir / "recordings").glob("*.flac"))[0].stem
    text = read_2columns_text(demo_dir / "recordings" / "text")[utterance]
    return TokenIDConverter(trained.section.tokens).tokens2ids(trained.tokenizer.text2tokens(text))


@pytest.fixture(scope="module")
def found(trained, speech, token_ids):
    return align_utterance(trained.model, speech, trained.section.sample_rate, token_ids, trained.tokenizer)


def test_alignment(trained, speech, token_ids, found):
    samples, length = torch.from_numpy(speech)[None], torch.tensor([len(speech)])
    with torch.inference_mode():
        features = trained.model.frontend(samples, length)[0][0].numpy()
        log_probs = trained.model.ctc.log_softmax(trained.model.encode_speech(samples, length)[0])[0].numpy()
    np.testing.assert_array_equal(found.features, features)
    np.testing.assert_array_equal(found.posteriors, np.exp(log_probs))
    spans = [(start * found.frame, end * found.frame) for start, end in align(log_probs, token_ids)]
    assert [(token.start, token.end) for token in found.tokens] == spans
    assert [token.text for token in found.tokens] == [trained.section.tokens[index] for index in token_ids]
    assert found.seconds == len(speech) / trained.section.sample_rate
    assert abs(found.frame * len(found.posteriors) - found.seconds) < 3 * found.frame
    text = trained.tokenizer.tokens2text([token.text for token in found.tokens])
    assert [word.text for word in found.words] == text.split()


def test_bands(found, trained):
    assert found.hertz.shape == (found.features.shape[1],)
    assert (np.diff(found.hertz) >= 0).all() and found.hertz[-1] < trained.section.sample_rate / 2


def test_best_path_of_ctc(trained, speech):
    found = align_utterance(trained.model, speech, trained.section.sample_rate)
    best = found.posteriors.argmax(axis=1)
    merged = [token for token, before in zip(best, [-1, *best[:-1]], strict=True) if token not in (before, found.blank)]
    assert found.token_ids == merged and found.words == []


@pytest.mark.parametrize("token_ids", [[], [2] * 500])
def test_text_that_does_not_fit(trained, speech, token_ids):
    with pytest.raises(
        DataError, match=rf"^a\.flac: expected a text of 1 to \d+ tokens, found one of {len(token_ids)}"
    ):
        align_utterance(trained.model, speech, trained.section.sample_rate, token_ids, name="a.flac")


@pytest.mark.parametrize("part, wanted", [("ctc", "with CTC"), ("frontend", "a front end")])
def test_model_without(part, wanted, trained, speech, monkeypatch):
    monkeypatch.setitem(trained.model._modules, part, None)
    with pytest.raises(OptionError, match=f"expected a model with.*{wanted.split()[-1]}, found one"):
        align_utterance(trained.model, speech, trained.section.sample_rate)


def test_picture(found):
    figure = draw(found, "an utterance")
    spectrum, tokens, words, posteriors, _ = figure.axes
    np.testing.assert_array_equal(spectrum.images[0].get_array(), found.features.T)
    edges = sorted({time for token in found.tokens for time in (token.start, token.end)})
    assert [line.get_xdata()[0] for line in spectrum.lines] == edges
    assert spectrum.get_title() == "an utterance"
    for axes, times in ((tokens, found.tokens), (words, found.words)):
        assert [text.get_text() for text in axes.texts] == [timed.text for timed in times]
        spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
        np.testing.assert_allclose(spans, [(timed.start, timed.end) for timed in times])
    drawn = [found.blank, *dict.fromkeys(found.token_ids)]
    for line, token in zip(posteriors.lines, drawn, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), found.posteriors[:, token])
        np.testing.assert_allclose(line.get_xdata(), (np.arange(len(found.posteriors)) + 0.5) * found.frame)
    assert {axes.get_xlim() for axes in (spectrum, tokens, words, posteriors)} == {(0.0, found.seconds)}
    assert as_image(figure).shape[1] == pytest.approx(figure.get_figwidth() * figure.dpi, abs=1)


def crowded(found, count):
    """A token in each of `count` frames."""
    from espnet2.runtime.timestamps import Timed

    times = [Timed(f"▁tok{index}", index * found.frame, (index + 1) * found.frame) for index in range(count)]
    ids = [2 + index % 9 for index in range(count)]
    seconds = count * found.frame
    posteriors = np.full((count, found.posteriors.shape[1]), 0.05)
    return Alignment(seconds, found.features, None, posteriors, found.frame, ids, times, [])


def test_labels_do_not_overlap(found):
    figure = draw(crowded(found, 40))
    as_image(figure)
    _, tokens, *_ = figure.axes
    boxes = [text.get_window_extent() for text in tokens.texts]
    panel = tokens.get_window_extent()
    for index, box in enumerate(boxes):
        assert panel.x0 <= box.x0 and box.x1 <= panel.x1 and panel.y0 <= box.y0 and box.y1 <= panel.y1
        assert not any(box.overlaps(other) for other in boxes[:index])


def test_neighbours_have_different_colours(found):
    _, tokens, posteriors, _ = draw(crowded(found, 40)).axes
    colours = [patch.get_facecolor() for patch in tokens.patches]
    assert all(colour != after for colour, after in pairwise(colours))
    assert {line.get_color() for line in posteriors.lines[1:]} == set(COLOURS)
