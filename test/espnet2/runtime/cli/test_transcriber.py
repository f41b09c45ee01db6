"""Segments of recordings that are cut without pauses, and of models that predict the times of segments."""

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from espnet2.interface.errors import AudioError, OptionError
from espnet2.runtime import Speech2Text
from espnet2.runtime.cli.segments import Segment
from espnet2.runtime.cli.transcriber import Transcriber


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


def test_models_that_predict_times_are_asked_for_them():
    transcribe = Transcriber.__new__(Transcriber)
    transcribe.by_window = True
    lengths, done = [], []

    def iter_long(speech):
        lengths.append(len(speech))
        yield from [(0.0, 1.5, " a b"), (1.5, 2.25, "c")]

    transcribe.recognizer = SimpleNamespace(iter_long=iter_long)
    found = list(transcribe(iter([np.ones(3), np.ones(4)]), "talk", done.append))
    assert found == [Segment(0.0, 1.5, "a b"), Segment(1.5, 2.25, "c")]
    assert (lengths, done) == ([7], [1.5, 2.25])
    with pytest.raises(AudioError, match="talk: expected sound"):
        list(transcribe(iter([np.zeros(3)]), "talk", unseen))


def test_models_of_features_are_refused():
    with pytest.raises(OptionError, match="model: expected one that reads samples of one channel"):
        Transcriber(SimpleNamespace(speech=SimpleNamespace(axes=("batch", "feature_frames", 80))))
