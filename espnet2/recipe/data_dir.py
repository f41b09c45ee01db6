"""Kaldi-style data directories: `wav.scp`, `segments`, `text`, `utt2spk`, `spk2utt`, and the speeds of recordings.

`reco2speed`, which Kaldi does not have, lists recordings whose speed formatting changes (`sp0.9-a 0.9`), so that no
audio is written twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import DataError
from espnet2.recipe.files import c_sorted, line_of, write_table

OF_UTTERANCES = ("text", "utt2spk", "segments", "utt2num_samples")
OF_RECORDINGS = ("reco2speed",)
TABLES = (*OF_UTTERANCES, *OF_RECORDINGS)


@dataclass(frozen=True)
class Segment:
    """Segment of a recording, in seconds; the recording's end is an infinite `end`."""

    recording: str
    start: float
    end: float

    def __str__(self) -> str:
        end = "-1" if math.isinf(self.end) else f"{self.end:.6f}"
        return f"{self.recording} {self.start:.6f} {end}"


@dataclass(frozen=True)
class DataDir:
    """Contents of a data directory.

    Args:
        path: The directory.
        wav: Recording -> path, or command that ends with `|`.
        tables: Its other tables, by name.
    """

    path: Path
    wav: Mapping[str, str]
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | str) -> DataDir:
        """Read a directory; raises `DataError` if `wav.scp` is missing or a table cannot be read."""
        root = Path(path)
        wav = read_2columns_text(root / "wav.scp")
        found = {name: read_2columns_text(root / name) for name in TABLES if (root / name).is_file()}
        return cls(root, wav, found)

    @property
    def utterances(self) -> list[str]:
        """Utterances, in the order of their list."""
        return list(self.tables.get("segments", self.wav))

    def segment(self, utterance: str) -> Segment | None:
        """Segment of an utterance; None if it is a whole recording.

        Raises:
            DataError: The line is not `utterance recording start end` with 0 <= start < end, or -1 as end.
        """
        if "segments" not in self.tables:
            return None
        line = self.tables["segments"][utterance]
        try:
            recording, start, end = line.split()
            segment = Segment(recording, float(start), math.inf if float(end) == -1 else float(end))
        except ValueError as error:
            raise DataError(
                f"{self.where('segments', utterance)}: expected 'utterance recording start end', found {line!r}"
            ) from error
        if not 0 <= segment.start < segment.end:
            raise DataError(
                f"{self.where('segments', utterance)}: expected 0 <= start < end, found {start} and {end} seconds"
            )
        return segment

    def speed(self, recording: str) -> float:
        """Speed of a recording, 1 by default; raises `DataError` for an invalid number."""
        value = self.tables.get("reco2speed", {}).get(recording, "1")
        try:
            speed = float(value)
        except ValueError:
            speed = math.nan
        if not 0 < speed < math.inf:
            raise DataError(f"{self.where('reco2speed', recording)}: expected a positive number, found {value!r}")
        return speed

    def where(self, table: str, key: str) -> str:
        """File and line of a key."""
        return line_of(self.path / table, key)

    def subset(self, utterances: Iterable[str]) -> DataDir:
        """Select some utterances, and the recordings that they need."""
        kept = set(utterances)
        recordings = kept
        if "segments" in self.tables:
            recordings = {segment.recording for name in kept if (segment := self.segment(name)) is not None}
        keys = {**dict.fromkeys(OF_UTTERANCES, kept), **dict.fromkeys(OF_RECORDINGS, recordings)}
        return replace(
            self,
            wav=_only(self.wav, recordings),
            tables={name: _only(table, keys[name]) for name, table in self.tables.items()},
        )

    def write(self, path: Path | str) -> None:
        """Write all tables to a directory, sorted, with `spk2utt`; `wav.scp` comes last and marks completion.

        Tables from an earlier write that this directory lacks are removed.
        """
        root = Path(path)
        (root / "wav.scp").unlink(missing_ok=True)
        for name in TABLES:
            if name in self.tables:
                write_table(root / name, self.tables[name])
            else:
                (root / name).unlink(missing_ok=True)
        if "utt2spk" in self.tables:
            write_table(root / "spk2utt", spk2utt(self.tables["utt2spk"]))
        write_table(root / "wav.scp", self.wav)


def combine(directories: Sequence[DataDir]) -> DataDir:
    """Combine the recordings and utterances of several directories, and the tables that all have.

    Raises:
        DataError: A recording or an utterance is in two of them.
    """
    owners: dict[tuple[str, str], Path] = {}
    names = set.intersection(*(set(one.tables) for one in directories)) | {"wav.scp"}
    joined: dict[str, dict[str, str]] = {name: {} for name in names | {"reco2speed"}}
    for one in directories:
        for name, table in {**one.tables, "wav.scp": one.wav}.items():
            for key in table if name in joined else ():
                if owners.setdefault((name, key), one.path) != one.path:
                    raise DataError(
                        f"{one.where(name, key)}: expected keys that {owners[name, key]} does not have, found {key!r}"
                    )
                joined[name][key] = table[key]
    wav = joined.pop("wav.scp")
    return DataDir(directories[0].path, wav, {name: table for name, table in joined.items() if table})


def spk2utt(utt2spk: Mapping[str, str]) -> dict[str, str]:
    """Speaker → utterances, separated by spaces."""
    speakers: dict[str, list[str]] = {}
    for utterance in c_sorted(utt2spk):
        speakers.setdefault(utt2spk[utterance], []).append(utterance)
    return {speaker: " ".join(utterances) for speaker, utterances in speakers.items()}


def _only(table: Mapping[str, str], keys: set[str]) -> dict[str, str]:
    return {key: value for key, value in table.items() if key in keys}
