"""Recognition of many recordings, as the commands of `espnet2.bin` do it; whole utterances in groups."""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from tqdm import tqdm

from espnet2.fileio.recording import Recording
from espnet2.runtime.asr import Recognizer
from espnet2.runtime.inputs import find_recordings
from espnet2.runtime.long_recording import recognize_long
from espnet2.runtime.loop import UNCOMPUTABLE, Report, Runner, Wording, Write, process, process_to
from espnet2.runtime.results import ResultMaker, Results, by_speaker
from espnet2.runtime.speech import require_sound
from espnet2.runtime.writers.search import SearchFiles, SearchLines

WORDING = Wording("recognise", "recognised", "recordings", "decoding")


class SearchRunner(Runner[Recording, Results], Protocol):
    """Recognises recordings: as whole utterances, or as streams."""

    @property
    def recognizer(self) -> ResultMaker: ...

    def line_writer(self, count: int) -> Write[Results]:
        """Return the writer of the text of each of `count` recordings to stdout."""


def decode(args: argparse.Namespace, load: Callable[[], SearchRunner]) -> int:
    """Recognise the recordings that the options name, after they are found, with what `load` gives.

    Returns the exit status: 0, 1 where some recordings could not be recognised, 2 where none could.
    """
    recordings = find_recordings(args)
    runner = load()
    if args.output_dir is None:
        return process(recordings, runner, runner.line_writer(len(recordings)), WORDING)
    open_files = functools.partial(SearchFiles, recognizer=runner.recognizer)
    return process_to(Path(args.output_dir), recordings, runner, open_files, WORDING)


class UtteranceRunner:
    """Recognises recordings as whole utterances; a group goes through the encoder together."""

    shows_progress = True

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer

    @property
    def batch_size(self) -> int:
        """Recordings of a group."""
        return self.recognizer.options.batch_size

    def line_writer(self, count: int) -> Write[Results]:
        """Return the writer of a line for each recording."""
        return SearchLines(self.recognizer)

    def run(self, items: Sequence[Recording], report: Report) -> list[Results | None]:
        """The results of recordings that go through the encoder together."""
        recognizer = self.recognizer
        speeches = [report.read(item, functools.partial(self._read, item)) for item in items]
        usable = [speech for speech in speeches if speech is not None]
        is_long = recognizer.long_form.cuts
        start = time.perf_counter()
        encoded = iter(encode_each(recognizer, [speech for speech in usable if not is_long(len(speech))]))
        results: list[Results | None] = []
        for speech, item in zip(speeches, items, strict=True):
            if speech is None:
                results.append(None)
            elif is_long(len(speech)):
                search = functools.partial(search_long, recognizer, speech, item.name)
                results.append(report.attempt(item, search))
            else:
                results.append(report.attempt(item, functools.partial(search_whole, recognizer, next(encoded))))
        report.compute += time.perf_counter() - start
        # The duration of a frame of features is not known.
        report.audio += sum(map(len, usable)) / recognizer.sample_rate if recognizer.speech.axes[1] == "samples" else 0
        return require_texts(items, results, report)

    def _read(self, recording: Recording) -> np.ndarray:
        axes = len(self.recognizer.speech.axes) - 1  # without that of the batch
        speech = self.recognizer.check(recording.read(self.recognizer.sample_rate, axes), recording.place)
        require_sound(speech, recording.place)
        return speech


def require_texts(
    recordings: Sequence[Recording], results: Sequence[Results | None], report: Report
) -> list[Results | None]:
    """Results, with None, and a failure in the report, in place of a search that ended without hypotheses."""
    found: list[Results | None] = []
    for recording, result in zip(recordings, results, strict=True):
        if result is not None and not any(by_speaker(result).values()):
            sentence = f"{recording.place}: expected a text within maxlenratio and minlenratio, found none"
            report.failures.append((recording.name, sentence))
            result = None
        found.append(result)
    return found


def encode_each(recognizer: Recognizer, speeches: Sequence[np.ndarray]) -> list[np.ndarray | Exception]:
    """Encoder output of each utterance, or the error in its place: where a batch fails, each is tried alone."""
    return [found for group in recognizer.long_form.groups(speeches) for found in _forward_each(recognizer, group)]


def _forward_each(recognizer: Recognizer, group: Sequence[np.ndarray]) -> list[np.ndarray | Exception]:
    try:
        return [*recognizer.forward(group)]
    except UNCOMPUTABLE as error:
        if len(group) == 1:
            return [error]
    return [encoded for speech in group for encoded in _forward_each(recognizer, [speech])]


def search_whole(recognizer: Recognizer, encoded: np.ndarray | Exception) -> Results:
    """Search the encoder output that `encode_each` gave; raises the error that is in its place."""
    if isinstance(encoded, Exception):
        raise encoded
    return recognizer.search(encoded)


def search_long(recognizer: Recognizer, speech: np.ndarray, name: str) -> Results:
    """Recognise a recording in parts, with a progress bar of its own, in seconds."""
    done, rate = 0.0, recognizer.long_form.rate
    with tqdm(total=len(speech) // rate, unit="s", desc=f"  {name}", leave=False, mininterval=1) as bar:

        def progress(steps: float) -> None:
            nonlocal done
            done += steps
            bar.update(int(done / rate) - bar.n)

        return recognize_long(recognizer, speech, progress)
