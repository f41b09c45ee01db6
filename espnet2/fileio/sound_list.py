"""Recordings by list: paths, commands that write a recording, and segments of either."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet2.fileio.audio import read_samples
from espnet2.fileio.read_text import found_path, read_2columns_text, require_keys
from espnet2.fileio.shell import output_of
from espnet2.fileio.table import TableReader
from espnet2.interface.errors import AudioError, DataError


class Segment(NamedTuple):
    """Segment of a recording, in seconds; an `end` of -1 is the recording's end."""

    recording: str
    start: float
    end: float


def read_segments(path: Path | str) -> dict[str, Segment]:
    """Read utterance → segment of a recording, from lines such as `utt1 recording1 0.25 3.1`.

    Raises:
        DataError: The file cannot be read, or a line is invalid.
    """
    return {key: _segment(path, key, value) for key, value in read_2columns_text(path).items()}


def _segment(path: Path | str, key: str, value: str) -> Segment:
    try:
        recording, start, end = value.split()
        segment = Segment(recording, float(start), float(end))
    except ValueError as error:
        raise DataError(f"{path}: {key}: expected 'recording start end' in seconds, found {value!r}") from error
    ordered = segment.end == -1 or segment.start < segment.end < math.inf
    if not 0 <= segment.start < math.inf or not ordered:
        raise DataError(f"{path}: {key}: expected 0 <= start < end, or an end of -1, found {start} and {end}")
    return segment


class SoundListReader(TableReader[tuple[int, np.ndarray]]):
    """Mapping from utterances to (sampling rate in Hz, samples (T,), or (T, C) for several channels).

    A value of the list that ends with `|` is a shell command that writes a recording to its standard output:
    `sox utt1.sph -t wav - |`. Lists of training and recognition are the user's own; for lists of others, use
    `SoundScpReader`, which runs nothing.

    Args:
        fname: Lines such as `utt1 recordings/1.wav`; paths are found as `SoundScpReader` finds them.
        dtype: dtype of samples, as in `SoundScpReader`.
        segments: File of lines such as `utt1 recording1 0.25 3.1`: the list then has recordings, and utterances are
            segments of them.

    Raises:
        DataError: A file cannot be read, a line has no value, or the recording of a segment is not listed.
    """

    def __init__(self, fname: Path | str, dtype: str = "float32", segments: Path | str | None = None) -> None:
        super().__init__(fname, "the path of a recording, or a command")
        self.dtype = dtype
        self.last: tuple[str, bytes] | None = None
        self.segments = None if segments is None else read_segments(segments)
        if self.segments is not None:
            require_keys(fname, self.data, str(segments), {part.recording for part in self.segments.values()})

    def __getitem__(self, key: str) -> tuple[int, np.ndarray]:
        part = Segment(key, 0, -1) if self.segments is None else self.segments[key]
        listed, span = self.data[part.recording], part[1:]
        if listed.endswith("|"):
            samples, rate = read_samples(io.BytesIO(self._output(listed)), self.dtype, span=span, name=listed)
        else:
            samples, rate = read_samples(found_path(listed, self.fname), self.dtype, span=span)
        if not len(samples):
            where = "" if span == (0, -1) else f" between {span[0]:g} s and {span[1]:g} s"
            raise AudioError(f"{self.fname}: {key}: expected samples in {listed}{where}, found none")
        return rate, samples

    def _output(self, command: str) -> bytes:
        """Return the output of a command; the last one is cached for further segments of the recording."""
        if self.segments is None:
            return output_of(command).getvalue()
        if self.last is None or self.last[0] != command:
            self.last = command, output_of(command).getvalue()
        return self.last[1]

    def place(self, key: str) -> str:
        """See the base class: the file, or list and utterance for a segment or a command."""
        alone = self.segments is None and not self.data[key].endswith("|")
        return self.get_path(key) if alone else f"{self.fname}: {key}"

    def keys_table(self) -> Mapping[str, object]:
        """See the base class: the segments, if there are any, or the list."""
        return self.data if self.segments is None else self.segments
