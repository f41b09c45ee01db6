"""Recognition of recordings, and of standard input, as streams: piece by piece, as while they are spoken."""

from __future__ import annotations

import argparse
import functools
import itertools
import logging
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np

from espnet2.fileio.audio import CONTAINERS
from espnet2.fileio.recording import Recording
from espnet2.interface.errors import AudioError, OptionError
from espnet2.interface.foreign_file import read_bounded
from espnet2.runtime.asr_streaming import StreamingRecognizer
from espnet2.runtime.decode import require_texts
from espnet2.runtime.loop import UNCOMPUTABLE, Report, Write
from espnet2.runtime.results import AnyResult, Results
from espnet2.runtime.writers.search import GrowingLine

STDIN = "-"
CHUNK_MS = 320.0  # a piece of the commands that run bundles
DAY_MS = 86_400_000

_log = logging.getLogger(__name__)


def add_piece_options(parser: argparse.ArgumentParser, chunk_ms: float | None = None) -> None:
    """Add the options of the piece size: in ms (`--chunk_ms`), or in samples (upstream's `--sim_chunk_length`)."""
    text = "speech that comes at once, in ms (default: " + ("all)" if chunk_ms is None else f"{chunk_ms:g})")
    parser.add_argument("--chunk_ms", type=float, default=chunk_ms, help=text)
    parser.add_argument("--decoding_window", type=float, help="upstream's name of --chunk_ms for transducers")
    parser.add_argument("--sim_chunk_length", type=int, help="instead, samples that come at once; 0: all")


def check_pieces(args: argparse.Namespace) -> None:
    """Raise `OptionError` for a piece size of `add_piece_options` that is out of range."""
    if args.sim_chunk_length is not None and args.sim_chunk_length < 0:
        raise OptionError(f"--sim_chunk_length: expected a number of samples, or 0, found {args.sim_chunk_length}")
    for name in ("chunk_ms", "decoding_window"):
        found = getattr(args, name)
        if found is not None and not 0 < found <= DAY_MS:
            raise OptionError(
                f"--{name}: expected a number of milliseconds above 0, a day ({DAY_MS}) at most, found {found:g}"
            )


def piece_samples(args: argparse.Namespace, rate: int) -> int:
    """Samples of a piece by the options; 0: all."""
    if args.sim_chunk_length is not None:
        return args.sim_chunk_length
    chunk_ms = args.chunk_ms if args.decoding_window is None else args.decoding_window
    return 0 if chunk_ms is None else max(1, round(rate * chunk_ms / 1000))


class StreamRunner:
    """Recognises recordings as streams: the samples come in pieces, and those of a group at the same time.

    Args:
        recognizer: A recogniser of streams.
        piece: Samples that come at once; 0: all.
    """

    def __init__(self, recognizer: StreamingRecognizer, piece: int) -> None:
        self.recognizer = recognizer
        self.piece = piece
        self.line: GrowingLine | None = None

    @property
    def batch_size(self) -> int:
        """Recordings of a group."""
        return self.recognizer.batch_size

    @property
    def shows_progress(self) -> bool:
        """False where a bar would be drawn over a line that grows on a terminal."""
        return self.line is None or not self.line.terminal

    def line_writer(self, count: int) -> Write[Results]:
        """Return a line that grows; of several recordings, off a terminal, it shows final texts only."""
        line = GrowingLine(self.recognizer, growing=count == 1)
        if count == 1 or self.batch_size == 1:
            self.line = line
        return line

    def run(self, items: Sequence[Recording], report: Report) -> list[Results | None]:
        """The results of recordings that are recognised side by side; where that fails, each is tried alone."""
        return require_texts(items, self._run(items, report), report)

    def _run(self, items: Sequence[Recording], report: Report) -> list[Results | None]:
        if len(items) == 1:
            (item,) = items
            found = report.attempt(item, functools.partial(self._recognize, items, report))
            return [None] if found is None else found
        try:
            return self._recognize(items, report)
        except UNCOMPUTABLE:
            return [result for item in items for result in self._run([item], report)]

    def _recognize(self, items: Sequence[Recording], report: Report) -> list[Results | None]:
        """Final results; the report gets the time that they took, and the duration of the recordings."""
        sessions = [self.recognizer.session() for _ in items]
        axes = 1 + len(self.recognizer.encoder.frame)
        sources = [pieces(item, self.recognizer.sample_rate, self.piece, axes) for item in items]
        places = [item.place for item in items]
        results: list[list[AnyResult]] = [[] for _ in items]
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
                self.line.show(results[0])
        report.compute += seconds
        # The duration of a frame of features is not known.
        report.audio += 0 if self.recognizer.encoder.frame else samples / self.recognizer.sample_rate
        return [*results]


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


def _bytes_of_stdin(count: int) -> bytes:
    """The next `count` bytes of standard input; 0: all."""
    if count:
        return sys.stdin.buffer.read(count)
    return read_bounded(sys.stdin.buffer, "raw samples of 16 bits", AudioError, "PIPE_BYTES", STDIN)


def _from_stdin(size: int) -> Iterator[tuple[np.ndarray, bool]]:
    """Samples of 16 bits, little-endian, as numbers in [-1, 1); an empty piece ends them."""
    if sys.stdin is None:
        raise AudioError(f"{STDIN}: expected raw samples of 16 bits, found that standard input is closed")
    first = True
    while data := _bytes_of_stdin(2 * size):
        if first and data.startswith(CONTAINERS):
            raise AudioError(f"{STDIN}: expected raw samples of 16 bits, found a recording with a header")
        if len(data) % 2:
            _log.warning("%s: expected samples of 16 bits, found half of one at the end; it is left out", STDIN)
        yield np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / 2**15, False
        first = False
    yield np.zeros(0, np.float32), True
