"""Audio of a data directory as one file per utterance, at one rate: pipes run, segments cut, speeds applied."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
from tqdm import tqdm

from espnet2.fileio.audio import read_samples
from espnet2.fileio.shell import output_of
from espnet2.interface.errors import AudioError, DataError, OptionError
from espnet2.recipe.data_dir import DataDir
from espnet2.recipe.files import require_other
from espnet2.recipe.validate import validate_data_dir
from espnet2.runtime.speech import require_numbers
from espnet2.utils.atomic import write_atomically
from espnet2.utils.json_file import read_json_mapping

LOUDEST = 2.0  # of full scale: louder samples must be in other units
FORMATS = {"flac": ("FLAC", "PCM_16"), "wav": ("WAV", "PCM_16")}
SOURCES = ".sources.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Piece:
    """An utterance: its recording, segment, speed and output file; times in seconds."""

    utterance: str
    recording: str
    source: str
    speed: float
    span: tuple[float, float] | None
    place: str
    target: Path

    def origin(self) -> str:
        """Origin of the audio, which is formatted again if it changes."""
        stat = None if self.source.endswith("|") else os.stat(self.source)
        version = None if stat is None else (stat.st_size, stat.st_mtime_ns)
        return repr((self.source, version, self.speed, self.span))


def format_data_dir(
    source: Path | str, target: Path | str, fs: int, audio_format: str = "flac", nj: int = 1, needs_text: bool = True
) -> DataDir:
    """Write `target/data/<utterance>.<format>` at `fs` Hz, and a data directory that lists them.

    Files of an earlier run with the same sources are kept; files are written atomically, and `wav.scp` last.
    `utt2num_samples` has the length of each utterance. Recordings are read by `nj` threads.

    Raises:
        OptionError: An unknown format, or `target` is `source`.
        DataError: `source` is not a valid data directory.
        AudioError: A recording cannot be read, is empty, has more than one channel, or samples that are not finite or
            far above full scale; a command fails.
    """
    if audio_format not in FORMATS:
        raise OptionError(f"audio_format: expected one of {', '.join(FORMATS)}, found {audio_format!r}")
    root = Path(target)
    require_other(source, root)
    data = validate_data_dir(source, needs_text)
    pieces = list(_pieces(data, root / "data", audio_format))
    _drop_outdated(root / "data", pieces, fs)
    groups = [list(group) for _, group in groupby(pieces, key=lambda piece: piece.recording)]
    with ThreadPoolExecutor(nj) as pool:
        lengths = _lengths(pool, groups, fs, str(root))
    wav = {piece.utterance: str(piece.target) for piece in pieces}
    kept = {name: data.tables[name] for name in ("text", "utt2spk") if name in data.tables}
    formatted = DataDir(root, wav, {**kept, "utt2num_samples": lengths})
    formatted.write(root)
    _log.info("wrote %s: %d utterances, %.1f minutes", root, len(wav), sum(map(int, lengths.values())) / fs / 60)
    return formatted


def _pieces(data: DataDir, directory: Path, audio_format: str) -> Iterator[Piece]:
    """Utterances grouped by recording."""
    segments = {name: data.segment(name) for name in data.utterances}
    recordings = {name: segment.recording if segment else name for name, segment in segments.items()}
    places = {name: f"{data.path / 'wav.scp'}, line {number}" for number, name in enumerate(data.wav, 1)}
    for name in sorted(segments, key=lambda name: (recordings[name], name)):
        segment, recording = segments[name], recordings[name]
        yield Piece(
            utterance=name,
            recording=recording,
            source=data.wav[recording],
            speed=data.speed(recording),
            span=(segment.start, segment.end) if segment else None,
            place=places[recording],
            target=directory / f"{file_name(name)}.{audio_format}",
        )


def file_name(utterance: str) -> str:
    """Unique file name of an utterance: `a/b` and `a_b` differ."""
    return utterance.replace("%", "%25").replace("/", "%2F")


def _drop_outdated(directory: Path, pieces: list[Piece], fs: int) -> None:
    """Remove files of an earlier run with other sources or another rate, and record this run's sources."""
    directory.mkdir(parents=True, exist_ok=True)
    record = directory / SOURCES
    try:
        before = read_json_mapping(record, "sources", DataError, "TABLE_BYTES")
    except DataError:
        before = {}
    now = {str(piece.target.name): f"{fs} {piece.origin()}" for piece in pieces}
    for path in set(directory.iterdir()) - {record}:
        if path.name not in now or now[path.name] != before.get(path.name):
            path.unlink()
    with write_atomically(record, "w") as file:
        json.dump(now, file)


def _lengths(pool: Executor, groups: list[list[Piece]], fs: int, title: str) -> dict[str, str]:
    """Format all and return utterance → length in samples; stops at the first failure."""
    futures = [pool.submit(_format_recording, group, fs) for group in groups]
    try:
        found = [
            pair for future in tqdm(futures, desc=title, unit="rec", disable=None) for pair in future.result().items()
        ]
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    return dict(found)


def _format_recording(pieces: list[Piece], fs: int) -> dict[str, str]:
    """Write the missing utterances of one recording; returns the lengths of all."""

    @lru_cache(1)
    def samples() -> np.ndarray:
        return read_source(pieces[0].source, fs, pieces[0].speed, pieces[0].place)

    return {piece.utterance: str(_format(piece, samples, fs)) for piece in pieces}


def _format(piece: Piece, samples: Callable[[], np.ndarray], fs: int) -> int:
    import soundfile

    if piece.target.exists():
        return soundfile.info(piece.target).frames
    cut = _cut(samples(), piece, fs)
    partial = piece.target.with_name(f"{piece.target.name}.partial")
    container, subtype = FORMATS[piece.target.suffix.removeprefix(".")]
    soundfile.write(partial, cut, fs, format=container, subtype=subtype)
    os.replace(partial, piece.target)
    return len(cut)


def _cut(samples: np.ndarray, piece: Piece, fs: int) -> np.ndarray:
    start, end = (0.0, math.inf) if piece.span is None else piece.span
    cut = samples[round(start * fs) : None if math.isinf(end) else round(end * fs)]
    if not len(cut):
        raise AudioError(
            f"{piece.place}: {piece.utterance}: expected samples from {start:g} s to {end:g} s, "
            f"found a recording of {len(samples) / fs:g} s"
        )
    return cut


def read_source(source: str, fs: int, speed: float, place: str) -> np.ndarray:
    """Read samples (T,), float32 at `fs` Hz, from a path or a command that ends with `|`, at `speed`.

    `place` is named in messages. Raises `AudioError` if it cannot be read, is empty, has several channels, or samples
    that are not finite or far above full scale.
    """
    samples, rate = _read(source, place)
    if samples.shape[1] != 1:
        raise AudioError(
            f"{place}: expected one channel, found {samples.shape[1]}; list a command that picks one, "
            f"as sox FILE -t wav - remix 1 |"
        )
    if not len(samples):
        raise AudioError(f"{place}: expected speech, found no samples in {source}")
    require_numbers(samples, f"{place}: {source}")
    loudest = np.abs(samples).max()
    if loudest > LOUDEST:
        raise AudioError(f"{place}: expected samples from -1 to 1, found {loudest:g} in {source}")
    return _resample(samples[:, 0], rate * speed, fs)


def _resample(samples: np.ndarray, rate: float, fs: int) -> np.ndarray:
    """Resample; a higher speed is a higher source rate."""
    import soxr

    return samples if rate == fs else soxr.resample(samples, rate, fs, quality="HQ")


def _read(source: str, place: str) -> tuple[np.ndarray, int]:
    """Read a recording or run a command of a recipe's list, which is trusted."""
    try:
        file = output_of(source) if source.endswith("|") else source
        return read_samples(file, "float32", always_2d=True, name=source)
    except AudioError as error:
        raise AudioError(f"{place}: {error}") from error
