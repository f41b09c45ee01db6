"""Decoding of recordings, and of what comes from standard input, piece by piece, as if they were being spoken."""

from __future__ import annotations

import argparse
import itertools
import logging
import shutil
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np
from tqdm import tqdm

from espnet2.fileio.audio import CONTAINERS
from espnet2.fileio.recording import Recording
from espnet2.interface.errors import AudioError, OptionError
from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.attempts import UNCOMPUTABLE, Report, sentence_of
from espnet2.runtime.decode import Emit, line_of
from espnet2.runtime.results import Result, Results, by_speaker

STDIN = "-"
DAY_MS = 86_400_000
CLEAR = "\r\x1b[K"  # of a terminal: to the start of the line, and clear it

_log = logging.getLogger(__name__)


def add_piece_options(parser: argparse.ArgumentParser, chunk_ms: float | None = None) -> None:
    """How much speech comes at once: in ms (`--chunk_ms`), or in samples (upstream's `--sim_chunk_length`)."""
    text = "speech that comes at once, in ms (default: " + ("all)" if chunk_ms is None else f"{chunk_ms:g})")
    parser.add_argument("--chunk_ms", type=float, default=chunk_ms, help=text)
    parser.add_argument("--decoding_window", type=float, help="upstream's name of --chunk_ms for transducers")
    parser.add_argument("--sim_chunk_length", type=int, help="instead, samples that come at once; 0: all")


def check_pieces(args: argparse.Namespace) -> None:
    """Raise `OptionError` for an option of `add_piece_options` that no speech can come by."""
    if args.sim_chunk_length is not None and args.sim_chunk_length < 0:
        raise OptionError(f"--sim_chunk_length: expected a number of samples, or 0, found {args.sim_chunk_length}")
    for name in ("chunk_ms", "decoding_window"):
        found = getattr(args, name)
        if found is not None and not 0 < found <= DAY_MS:
            raise OptionError(
                f"--{name}: expected a number of milliseconds above 0, a day ({DAY_MS}) at most, found {found:g}"
            )


def piece_samples(args: argparse.Namespace, rate: int) -> int:
    """Samples that come at once, by the options; 0: all."""
    if args.sim_chunk_length is not None:
        return args.sim_chunk_length
    chunk_ms = args.chunk_ms if args.decoding_window is None else args.decoding_window
    return 0 if chunk_ms is None else max(1, round(rate * chunk_ms / 1000))


class Line:
    """A text that grows: on a terminal in its place, elsewhere, where `growing`, as a line for each change."""

    def __init__(self, recognizer: StreamingRecognizer, growing: bool) -> None:
        self.recognizer = recognizer
        self.terminal = sys.stdout.isatty()
        self.growing = growing
        self.shown = ""

    def grow(self, results: Sequence[Result]) -> None:
        """Show the best result so far."""
        line = line_of(self.recognizer, results[0]).rstrip() if results else ""
        if line == self.shown:
            return
        self.shown = line
        if self.terminal:
            room = shutil.get_terminal_size().columns - 1
            print(CLEAR + line[-room:], end="", flush=True)
        elif self.growing:
            _print(line)

    def end(self, utterance: str, results: Results | None) -> None:
        """The final text is the last line of its recording; empty where there is none."""
        (nbest,) = by_speaker(results or []).values()
        line = line_of(self.recognizer, nbest[0]) if nbest else ""
        if self.terminal:
            print(CLEAR + line, flush=True)
        elif not self.growing or line.rstrip() != self.shown or not line:
            _print(line)
        self.shown = ""


class Streams:
    """Recordings as streams: the samples come in pieces, and all of a group at the same time.

    Args:
        recognizer: Of streams.
        piece: Samples that come at once; 0: all.
    """

    def __init__(self, recognizer: StreamingRecognizer, piece: int) -> None:
        self.recognizer = recognizer
        self.piece = piece
        self.line: Line | None = None

    @property
    def shows_progress(self) -> bool:
        """A bar would be drawn over a line that grows on a terminal."""
        return self.line is None or not self.line.terminal

    def printer(self, count: int) -> Emit:
        """Lines that grow; of several recordings, final texts only where there is no terminal."""
        alone = count == 1 or self.recognizer.options.batch_size == 1
        if alone:
            self.line = Line(self.recognizer, growing=count == 1)
            return self.line.end
        return Line(self.recognizer, growing=False).end

    def hear(self, recordings: Sequence[Recording], report: Report) -> list[Results | None]:
        """Results of recordings that are heard side by side; where that fails, each is tried alone."""
        try:
            found, seconds, samples = self._hear(recordings)
        except UNCOMPUTABLE as error:
            if len(recordings) > 1:
                return [result for recording in recordings for result in self.hear([recording], report)]
            (recording,) = recordings
            sentence, place = sentence_of(error), recording.place
            report.fail(recording.utterance, sentence if sentence.startswith(f"{place}: ") else f"{place}: {sentence}")
            return [None]
        report.compute += seconds
        report.audio += 0 if self.recognizer.encoder.frame else samples / self.recognizer.sample_rate
        return [*found]

    def _hear(self, recordings: Sequence[Recording]) -> tuple[list[list[Result]], float, int]:
        """Final results, seconds that they took, and samples that were heard."""
        sessions = [self.recognizer.session() for _ in recordings]
        axes = 1 + len(self.recognizer.encoder.frame)
        sources = [pieces(recording, self.recognizer.sample_rate, self.piece, axes) for recording in recordings]
        places = [recording.place for recording in recordings]
        results: list[list[Result]] = [[] for _ in recordings]
        seconds, samples = 0.0, 0
        for round_ in itertools.zip_longest(*sources):
            active = [index for index, given in enumerate(round_) if given is not None]
            start = time.perf_counter()
            found = self.recognizer.advance(
                [(sessions[index], *round_[index]) for index in active], [places[index] for index in active]
            )
            seconds += time.perf_counter() - start
            samples += sum(len(round_[index][0]) for index in active)
            for index, result in zip(active, found, strict=True):
                results[index] = result
            if self.line is not None and not sessions[0].ended:
                self.line.grow(results[0])
        return results, seconds, samples


def pieces(recording: Recording, rate: int, size: int, axes: int = 1) -> Iterator[tuple[np.ndarray, bool]]:
    """The samples of a recording, or of standard input, `size` at a time (0: all), and whether they are the last.

    Features have 2 `axes`, samples one.

    Raises:
        AudioError: The recording cannot be read.
    """
    if recording.place == STDIN:
        yield from _from_stdin(size)
        return
    samples = recording.read(rate, axes)
    size = size or max(1, len(samples))
    for start in range(0, max(1, len(samples)), size):
        yield samples[start : start + size], start + size >= len(samples)


def _from_stdin(size: int) -> Iterator[tuple[np.ndarray, bool]]:
    """Samples of 16 bits, little-endian, as numbers in [-1, 1); what is last is known only after it."""
    if sys.stdin is None:
        raise AudioError(f"{STDIN}: expected raw samples of 16 bits, found that standard input is closed")
    first = True
    while data := sys.stdin.buffer.read(2 * size or -1):
        if first and data.startswith(CONTAINERS):
            raise AudioError(f"{STDIN}: expected raw samples of 16 bits, found a recording with a header")
        if len(data) % 2:
            _log.warning("%s: expected samples of 16 bits, found half of one at the end; it is left out", STDIN)
        yield np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / 2**15, False
        first = False
    yield np.zeros(0, np.float32), True


def _print(line: str) -> None:
    with tqdm.external_write_mode(file=sys.stdout):
        print(line, flush=True)
