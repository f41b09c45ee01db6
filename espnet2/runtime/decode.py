"""Recognition of many recordings, as the commands of `espnet2.bin` do it; whole utterances in groups."""

from __future__ import annotations

import argparse
import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from tqdm import tqdm

from espnet.nets.together import Outcome
from espnet2.fileio.recording import Recording
from espnet2.runtime.asr import Recognizer
from espnet2.runtime.inputs import find_recordings
from espnet2.runtime.loop import Report, Runner, Wording, Write, process, process_to
from espnet2.runtime.memory import usable_memory
from espnet2.runtime.processes import ProcessRunner, processes_for
from espnet2.runtime.results import Results, by_speaker
from espnet2.runtime.speech import require_sound
from espnet2.runtime.writers.search import Maker, SearchFiles, SearchLines

if TYPE_CHECKING:
    from typing_extensions import Self

AHEAD = 4  # batches that are read at once, at most
AHEAD_SHARE = 0.25  # of the usable memory that their samples may take
WORDING = Wording("recognise", "recognised", "recordings", "decoding")


class SearchRunner(Runner[Recording, Results], Protocol):
    """Recognises recordings: as whole utterances, or as streams."""

    @property
    def recognizer(self) -> Maker: ...

    def line_writer(self, count: int) -> Write[Results]:
        """Return the writer of the text of each of `count` recordings to stdout."""


def decode(
    args: argparse.Namespace,
    load: Callable[[argparse.Namespace], SearchRunner],
    find: Callable[[argparse.Namespace], Sequence[Any]] = find_recordings,
    wording: Wording = WORDING,
) -> int:
    """Recognise the recordings that the options name, after they are found, with what `load` makes of the options.

    Where `find` finds other items, such as texts, they are decoded in the same way, and `wording` is about them. With
    `--nj`, processes do it, for which `load` has to be a function of a module.

    Returns the exit status: 0, 1 where some items could not be decoded, 2 where none could.
    """
    items = find(args)
    count = processes_for(args, items)
    with contextlib.nullcontext(load(args)) if count == 1 else ProcessRunner(args, load, count) as runner:
        if args.output_dir is None:
            return process(items, runner, runner.line_writer(len(items)), wording)
        open_files = functools.partial(SearchFiles, recognizer=runner.recognizer)
        return process_to(Path(args.output_dir), items, runner, open_files, wording)


class UtteranceRunner:
    """Recognises recordings as whole utterances, `AHEAD` batches of them in one go, so that similar ones meet.

    They are fewer where their samples take more than `AHEAD_SHARE` of the usable memory.
    """

    shows_progress = True

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer

    @property
    def batch_size(self) -> int:
        """Recordings that are read ahead, at most."""
        return AHEAD * self.recognizer.batch_size if self.recognizer.batch_size > 1 else 1

    def line_writer(self, count: int) -> Write[Results]:
        """Return the writer of a line for each recording."""
        return SearchLines(self.recognizer)

    def run(self, items: Sequence[Recording], report: Report) -> Iterator[Results | None]:
        """The results of recordings, in order."""
        waiting = iter(items)
        while group := self._read_ahead(waiting, report):
            yield from self._recognized(group, report)
            group.clear()  # before others are read

    def _read_ahead(self, waiting: Iterator[Recording], report: Report) -> list[tuple[Recording, np.ndarray | None]]:
        """The next recordings and their speech, at least one while there are any; None: it cannot be read."""
        group: list[tuple[Recording, np.ndarray | None]] = []
        room = int(AHEAD_SHARE * usable_memory())
        for item in waiting:
            speech = report.read(item, functools.partial(self._read, item))
            group.append((item, speech))
            room -= 0 if speech is None else speech.nbytes
            if room <= 0:
                break
        return group

    def _recognized(
        self, group: Sequence[tuple[Recording, np.ndarray | None]], report: Report
    ) -> Iterator[Results | None]:
        recognizer = self.recognizer
        usable = [(speech, item.name) for item, speech in group if speech is not None]
        # The duration of a frame of features is not known.
        samples = sum(len(speech) for speech, _ in usable) if recognizer.speech.axes[1] == "samples" else 0
        report.audio += samples / recognizer.sample_rate
        bars = functools.partial(SecondsBar, usable, recognizer.long_form.rate)
        outcomes = recognizer.each([speech for speech, _ in usable], bars)
        for item, speech in group:
            yield None if speech is None else self._result(item, outcomes, report)

    def _result(self, item: Recording, outcomes: Iterator[Outcome[Results]], report: Report) -> Results | None:
        start = time.perf_counter()
        outcome = next(outcomes)
        report.compute += time.perf_counter() - start
        return require_texts([item], [report.attempt(item, outcome.value)], report)[0]

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


class SecondsBar:
    """A progress bar of one recording that is recognised in parts, in seconds, until the `with` block ends.

    Args:
        recordings: Speech and name of each.
        rate: Samples, or frames, in a second.
        number: Of the recording.
    """

    def __init__(self, recordings: Sequence[tuple[np.ndarray, str]], rate: int, number: int) -> None:
        speech, name = recordings[number]
        self._rate, self._done = rate, 0.0
        self._bar = tqdm(total=len(speech) // rate, unit="s", desc=f"  {name}", leave=False, mininterval=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def __call__(self, steps: float) -> None:
        """Move on by so many samples, or frames."""
        self._done += steps
        self._bar.update(int(self._done / self._rate) - self._bar.n)
