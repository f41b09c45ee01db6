"""Checks of a data directory, which report file and line."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import DataError
from espnet2.recipe.data_dir import DataDir, spk2utt
from espnet2.recipe.files import line_of

_log = logging.getLogger(__name__)


def validate_data_dir(path: Path | str, needs_text: bool = True) -> DataDir:
    """Check order, identifiers and recordings of a data directory, and return it.

    Raises:
        DataError: A table is missing, empty or out of order, identifiers do not correspond, or a recording is missing.
    """
    root = Path(path)
    data = DataDir.read(root)
    for name in ("utt2spk", "text")[: 2 if needs_text else 1]:
        if name not in data.tables:
            raise DataError(f"{root / name}: expected a line for each utterance, found no such file")
    if not data.utterances:
        raise DataError(f"{root / 'wav.scp'}: expected at least one recording, found none")
    for name, table in (("wav.scp", data.wav), *data.tables.items()):
        _require_order(root / name, table)
    for name in sorted(set(data.tables) - {"segments", "reco2speed"}):
        require_same_keys(root / _list_of(data), data.utterances, root / name, data.tables[name])
    _check_segments(data)
    _check_recordings(data)
    _check_speakers(data)
    empty = sum(not text for text in data.tables.get("text", {}).values())
    _log.info("%s: %d utterances, %d without text", root, len(data.utterances), empty)
    return data


def _list_of(data: DataDir) -> str:
    return "segments" if "segments" in data.tables else "wav.scp"


def _require_order(path: Path, keys: Iterable[str]) -> None:
    for before, key in pairwise(keys):
        if key < before:
            raise DataError(
                f"{line_of(path, key)}: expected keys in the order of `LC_ALL=C sort`, found {key!r} after {before!r}"
            )


def require_same_keys(path: Path, keys: Iterable[str], other: Path, others: Iterable[str]) -> None:
    """Raise `DataError` unless two tables have the same keys; the message names the first missing one."""
    expected, found = dict.fromkeys(keys), dict.fromkeys(others)
    for key in expected:
        if key not in found:
            raise DataError(f"{other}: expected {key!r}, which is in {line_of(path, key)}, found no such key")
    for key in found:
        if key not in expected:
            raise DataError(f"{line_of(other, key)}: expected keys of {path}, found {key!r}, which it lacks")


def _check_segments(data: DataDir) -> None:
    for utterance in data.tables.get("segments", ()):
        segment = data.segment(utterance)
        if segment is not None and segment.recording not in data.wav:
            raise DataError(
                f"{data.where('segments', utterance)}: expected a recording of {data.path / 'wav.scp'}, "
                f"found {segment.recording!r}"
            )


def _check_recordings(data: DataDir) -> None:
    for recording, source in data.wav.items():
        data.speed(recording)
        if not source:
            raise DataError(f"{data.where('wav.scp', recording)}: expected a path or a command, found nothing")
        if not source.endswith("|") and not Path(source).is_file():
            raise DataError(f"{data.where('wav.scp', recording)}: expected a recording, found no file {source}")


def _check_speakers(data: DataDir) -> None:
    for utterance, speaker in data.tables["utt2spk"].items():
        if len(speaker.split()) != 1:
            raise DataError(f"{data.where('utt2spk', utterance)}: expected one speaker, found {speaker!r}")
    path = data.path / "spk2utt"
    if not path.is_file():
        return
    expected, found = spk2utt(data.tables["utt2spk"]), read_2columns_text(path)
    for speaker in [*expected, *found]:
        if sorted(found.get(speaker, "").split()) != sorted(expected.get(speaker, "").split()):
            place = line_of(path, speaker) if speaker in found else str(path)
            raise DataError(f"{place}: expected the utterances that utt2spk has of speaker {speaker!r}, found others")
