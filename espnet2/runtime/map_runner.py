"""Results of many recordings by models that map speech, as the commands of `espnet2.bin` make them."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from espnet2.fileio.recording import Recording
from espnet2.runtime.loop import UNCOMPUTABLE, Report
from espnet2.runtime.mapper import Mapper
from espnet2.runtime.speech import require_sound


class MapRunner:
    """Maps recordings; those of a group go through the graph together."""

    shows_progress = True

    def __init__(self, mapper: Mapper) -> None:
        self.mapper = mapper

    @property
    def batch_size(self) -> int:
        """Recordings of a group."""
        return int(self.mapper.options.batch_size)

    def run(self, items: Sequence[Recording], report: Report) -> list[Any]:
        """The result of each recording; where a batch fails, each is tried alone."""
        speeches = [report.read(item, functools.partial(self._read, item)) for item in items]
        usable = [speech for speech in speeches if speech is not None]
        start = time.perf_counter()
        try:
            together = iter(self.mapper.results(usable) if usable else ())
            results = [None if speech is None else next(together) for speech in speeches]
        except UNCOMPUTABLE:
            results = [self._alone(*pair, report) for pair in zip(items, speeches, strict=True)]
        report.compute += time.perf_counter() - start
        # The duration of a frame of features is not known.
        report.audio += sum(map(len, usable)) / self.mapper.sample_rate if self.mapper.speech_axes == 1 else 0
        return results

    def _alone(self, item: Recording, speech: np.ndarray | None, report: Report) -> Any:
        return None if speech is None else report.attempt(item, lambda: self.mapper.results([speech])[0])

    def _read(self, recording: Recording) -> np.ndarray:
        samples = recording.read(self.mapper.sample_rate, self.mapper.speech_axes)
        speech = self.mapper.check(samples, recording.place)
        require_sound(speech, recording.place)
        return speech
