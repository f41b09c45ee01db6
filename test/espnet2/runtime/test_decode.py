"""Recognition of many recordings, of which some are read ahead."""

from types import SimpleNamespace

import numpy as np
import pytest

from espnet.nets.beam_search import Hypothesis
from espnet2.fileio.recording import Recording
from espnet2.interface.errors import AudioError
from espnet2.runtime import decode
from espnet2.runtime.batches import BatchRecognizer
from espnet2.runtime.decode import UtteranceRunner
from espnet2.runtime.loop import Report
from espnet2.runtime.results import Result

LONG = 900  # samples; more are cut, which fails


class Lengths(BatchRecognizer):
    """Gives the number of samples of each recording, and notes those that it gets at once."""

    batch_size, sample_rate, gatherings = 2, 100, 1
    speech = SimpleNamespace(axes=("batch", "samples"))

    def __init__(self):
        self.groups = []
        self.long_form = SimpleNamespace(
            rate=100, cuts=lambda steps: steps > LONG, parts=self.parts, groups=lambda speeches: [[x] for x in speeches]
        )

    def parts(self, speech):
        raise ValueError("expected a pause, found none")

    def check(self, speech, name):
        return speech

    def each(self, speeches, progress):
        self.groups.append([len(speech) for speech in speeches])
        return super().each(speeches, progress)

    def forward(self, speeches):
        return speeches

    def search(self, encoder_out):
        return [Result(str(len(encoder_out)), [], [], Hypothesis(np.array([0])))]

    def of_speaker(self, encoder_out, timed=False):
        raise NotImplementedError

    def blank_near(self, encoder_out, frame, reach):
        raise NotImplementedError


def recording(length):
    def load():
        if not length:
            raise AudioError("empty: expected samples, found none")
        return 100, np.full(length, 0.1, np.float32)

    return Recording(str(length), str(length), load)


@pytest.mark.parametrize(
    ("share", "groups"),
    [
        (10**6, [[200, 800, 100, 300, 500]]),
        (4 * 900, [[200, 800], [100, 300, 500]]),
        (0, [[200], [], [800], [100], [300], [500]]),
    ],
)
def test_no_more_is_read_ahead_than_memory_is_enough_for(monkeypatch, share, groups):
    monkeypatch.setattr(decode, "usable_memory", lambda: int(share / decode.AHEAD_SHARE))
    runner, report, lengths = UtteranceRunner(Lengths()), Report(), (200, 0, 800, 100, 300, 500)
    assert runner.batch_size == 8
    found = list(runner.run([recording(length) for length in lengths], report))
    assert [results and results[0].text for results in found] == ["200", None, "800", "100", "300", "500"]
    assert runner.recognizer.groups == groups
    assert report.failures == [("0", "empty: expected samples, found none")]
    assert report.audio == 19


def test_the_bar_of_a_recording_that_fails_ends(monkeypatch):
    closed = []

    class Bar:
        def __init__(self, desc, **options):
            self.name = desc.strip()

        def close(self):
            closed.append(self.name)

    monkeypatch.setattr(decode, "tqdm", Bar)
    report = Report()
    first, second = UtteranceRunner(Lengths()).run([recording(LONG + 1), recording(5)], report)
    assert (first, second[0].text) == (None, "5")
    assert report.failures == [("901", "901: expected a pause, found none")]
    assert closed == ["901"]
