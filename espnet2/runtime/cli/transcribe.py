"""The verbs of `espnet` that turn recordings into texts: transcribe, translate, phonemize."""

from __future__ import annotations

import argparse
import contextlib
import errno
import functools
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from espnet2.interface.errors import OptionError, printable, reason_of
from espnet2.interface.families import load
from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.cli.formats import FORMATS, Format
from espnet2.runtime.cli.models import open_recognizer
from espnet2.runtime.cli.recordings import Source, find_sources
from espnet2.runtime.cli.stream_transcriber import StreamTranscriber
from espnet2.runtime.cli.transcriber import Transcriber
from espnet2.runtime.cli.verbs import ON_RAY
from espnet2.runtime.loop import Report, Wording, process, written_already
from espnet2.runtime.option_fields import is_finite, require
from espnet2.utils.atomic import remove_partial, write_atomically
from espnet2.utils.surroundings import naming_output

TRANSCRIPTION = Wording("transcribe", "transcribed", "recordings", "transcription")


def transcribe(args: argparse.Namespace) -> int:
    """Recognise, translate or phonemize the recordings that the options name, and write segments.

    Returns the exit status.
    """
    require(is_finite(args.pause) and args.pause > 0, "--pause", "a positive number of seconds", args.pause)
    if args.ray is not None:
        on_ray: Callable[[argparse.Namespace], int] = load(ON_RAY)
        return on_ray(args)
    if args.format not in FORMATS or args.workers is not None:
        found = "--workers" if args.workers is not None else f"--format {args.format}"
        raise OptionError(f"{found}: expected --ray with it, found none")
    kind = FORMATS[args.format]
    sources = find_sources(args.recordings, distinct=args.output_dir is not None)
    if not kind.several and args.output_dir is None and len(sources) > 1:
        raise OptionError(
            f"--format: expected --output_dir with {args.format} for {len(sources)} recordings, found none"
        )
    recognizer = open_recognizer(args, args.options or {}, streams=True)
    of_streams = isinstance(recognizer, StreamingRecognizer)
    transcriber = StreamTranscriber(recognizer, args.pause) if of_streams else Transcriber(recognizer, args.pause)
    writer = SegmentWriter(kind, args.word_timestamps, args.output_dir, len(sources) > 1)
    runner = TranscribeRunner(transcriber, writer)
    status = process(sources, runner, written_already, TRANSCRIPTION)
    runner.print_speed()
    return status


class SegmentWriter:
    """Opens the output of recordings.

    Args:
        kind: The format.
        words: Write times of words.
        output_dir: Directory of a file for each; None: stdout.
        named: On stdout, plain text is preceded by the recording's name.
    """

    def __init__(self, kind: type[Format], words: bool, output_dir: str | None, named: bool) -> None:
        self.kind, self.words, self.named = kind, words, named
        self.directory = None if output_dir is None else Path(output_dir)
        if self.directory is not None:
            _make(self.directory)
            remove_partial(self.directory, below=False)

    @contextlib.contextmanager
    def open(self, source: Source) -> Iterator[tuple[Format, Callable[[str], Any]]]:
        """A new format, and a function that writes its text."""
        made = self.kind(self.words)
        if self.directory is None:
            label = f"{printable(source.name)}\t" if self.named and made.labelled else ""
            yield made, lambda text: print_text(text and label + text)
            return
        with write_atomically(self.directory / f"{source.stem}{made.suffix}", "w") as file:
            yield made, file.write


def _make(directory: Path) -> None:
    """Make a directory where there is none, to which files can be written; raises `OptionError`."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        expected = "a directory that can be written"
        raise OptionError(f"--output_dir: expected {expected}, found {reason_of(error)}: {directory}") from error


def print_text(text: str) -> None:
    """Print text to stdout at once, without disturbing a progress bar."""
    if text:
        with tqdm.external_write_mode(file=sys.stdout), naming_output():
            print(text, end="", flush=True)


class TranscribeRunner:
    """Transcribes recordings one by one, with a progress bar over the seconds of each, and writes what it finds."""

    batch_size, shows_progress = 1, False

    def __init__(self, transcriber: Transcriber | StreamTranscriber, writer: SegmentWriter) -> None:
        self.transcriber, self.writer = transcriber, writer
        self.report = Report()

    def run(self, items: Sequence[Source], report: Report) -> list[float | None]:
        """The seconds of each recording."""
        self.report = report
        return [report.attempt(item, functools.partial(self._transcribed, item)) for item in items]

    def print_speed(self) -> None:
        """Print the real-time factor to stderr."""
        audio, took = self.report.audio, self.report.compute
        if audio:
            print(f"{audio:.1f} s of speech in {took:.1f} s: real-time factor {took / audio:.3f}", file=sys.stderr)

    def _transcribed(self, source: Source) -> float:
        start, fs = time.perf_counter(), self.transcriber.recognizer.sample_rate
        with source.open(fs) as pieces, self._bar(source, pieces.seconds) as bar:
            counted = Counted(pieces)
            with self.writer.open(source) as (made, write):
                write(made.begin())
                for segment in self.transcriber(counted, source.place, lambda done: bar.update(done - bar.n)):
                    write(made.segment(segment))
                seconds = counted.samples / fs
                write(made.end({"recording": source.name, "duration": seconds}))
        self.report.compute += time.perf_counter() - start
        self.report.audio += seconds
        return seconds

    @staticmethod
    def _bar(source: Source, seconds: float) -> Any:
        shown = "{l_bar}{bar}| {n:.0f}/{total:.0f} s [{elapsed}<{remaining}]" if seconds else None
        return tqdm(total=seconds or None, unit="s", desc=source.stem, disable=None, bar_format=shown, leave=False)


class Counted:
    """Pieces of a recording that are counted as they are read."""

    def __init__(self, pieces: Iterable[np.ndarray]) -> None:
        self._pieces, self.samples = pieces, 0

    def __iter__(self) -> Iterator[np.ndarray]:
        for piece in self._pieces:
            self.samples += len(piece)
            yield piece
