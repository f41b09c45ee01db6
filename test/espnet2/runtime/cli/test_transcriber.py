"""Segments of recordings that are cut without pauses, and of models that predict the times of segments."""

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from prompted_graphs import SPEECH, recogniser, with_ctc

from espnet.nets.hypothesis import Hypothesis
from espnet2.interface.errors import AudioError, OptionError
from espnet2.runtime import Speech2Text
from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.cli.stream_transcriber import StreamTranscriber
from espnet2.runtime.cli.transcriber import Transcriber
from espnet2.runtime.results import Result
from espnet2.runtime.timestamps import Timestamps
from espnet2.text.char_tokenizer import CharTokenizer


def unseen(done):
    """No progress is shown."""


@pytest.mark.parametrize("options", [{}, {"batch_size": 4}])
def test_texts_of_parts_that_overlap_are_joined(demo_bundle, demo_dir, options):
    """As in a recogniser that gets the whole recording."""
    recordings = sorted((demo_dir / "recordings").glob("*.flac"))[:3]
    speech = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in recordings])
    small = {"memory_limit": 0.01, "num_threads": 1, "beam_size": 3, "lm_weight": 0.0, "timestamps": "token"}
    speech2text = Speech2Text(demo_bundle, **small, **options)
    transcribe = Transcriber(speech2text)
    assert transcribe.recognizer.long_form.cutter.longest < len(speech) / 2
    segments = list(transcribe(iter(np.array_split(speech, 5)), "talk", unseen))
    assert " ".join(segment.text for segment in segments) == speech2text(speech)[0].text
    times = [time for segment in segments for time in (segment.start, segment.end)]
    assert times == sorted(times)


@pytest.mark.parametrize(("timestamps", "words"), [("none", []), ("token", [("ab", 0.25, 0.625)])])
def test_models_that_predict_times_are_asked_for_them_window_by_window(timestamps, words):
    """Times of words are those of CTC within their segment."""
    transcribe = Transcriber(recogniser(parts=with_ctc(), timestamps=timestamps))
    read, done = [], []

    def pieces():
        for piece in np.split(np.tile(SPEECH, 3), 8):
            read.append(len(piece))
            yield piece.astype(np.float32)

    found = transcribe(pieces(), "talk", done.append)
    first = next(found)
    assert (first.start, first.end, first.text, first.words) == (0.25, 0.75, "ab", words)
    assert sum(read) < 24
    rest = list(found)
    assert [(segment.start, segment.end) for segment in rest] == [(1.0, 1.5), (1.75, 2.25), (2.5, 3.0)]
    assert done == [0.75, 1.5, 2.25, 3.0]
    with pytest.raises(AudioError, match="talk: expected sound"):
        list(transcribe(iter([np.zeros(3, np.float32)]), "talk", unseen))


class Streams(StreamingRecognizer):
    """Finds "ab cd" in every stream, from its first frame and from its last but one; frames last 0.1 s."""

    sample_rate, tokenizer = 1000, CharTokenizer()
    timestamps = Timestamps("token", 0.1)

    def __init__(self):
        self.streams = []

    def make_search(self):
        return SimpleNamespace(reset=lambda: None)

    @property
    def encoder(self):
        return SimpleNamespace(begin=lambda: None)

    def advance(self, pieces, names=()):
        ((_, samples, is_final),) = pieces
        self.streams.append((len(samples), is_final, *names))
        last = len(samples) // 100
        frames = ((0, 1), (1, 2), (2, 2), (last - 2, last - 1), (last - 1, last))
        return [[Result("ab cd", [*"ab", "<space>", *"cd"], [1, 2, 3, 4, 5], Hypothesis(np.zeros(1), frames=frames))]]


def test_models_of_streams_read_speech_between_pauses_as_a_stream():
    recognizer, random, done = Streams(), np.random.default_rng(0), []
    loud, quiet = (scale * random.standard_normal(4000).astype(np.float32) for scale in (0.1, 1e-4))
    recording = np.concatenate([loud, quiet, np.zeros(20_000, np.float32), loud, quiet])
    found = list(StreamTranscriber(recognizer)(iter(np.split(recording, 6)), "talk", done.append))
    assert {segment.text for segment in found} <= {"ab", "cd", "ab cd"}
    assert [word.text for segment in found for word in segment.words] == ["ab", "cd"] * len(recognizer.streams)
    assert all(is_final and name == "talk" for _, is_final, name in recognizer.streams)
    assert found[0].words[0].start == pytest.approx(0.0, abs=0.3)
    second = next(segment for segment in found if segment.start > 20)
    assert second.start == pytest.approx(28.0, abs=0.1) and second.words[0].start == pytest.approx(28.0, abs=0.5)
    assert done[-1] == 36.0
    with pytest.raises(AudioError, match="talk: expected sound"):
        list(StreamTranscriber(recognizer)(iter([np.zeros(1000, np.float32)]), "talk", unseen))


def test_models_of_features_are_refused():
    with pytest.raises(OptionError, match="model: expected one that reads samples of one channel"):
        Transcriber(SimpleNamespace(speech=SimpleNamespace(axes=("batch", "feature_frames", 80))))
