"""RTTM files (speaker turns), in samples as in upstream's diarisation recipes.

SPEAKER meeting1 1 0 2200 <NA> <NA> speaker1 <NA>       from sample 0 to sample 2200
END     meeting1 <NA> <NA> 64000 <NA> <NA> <NA> <NA>    the recording has 64000 samples
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from espnet2.interface.errors import DataError
from espnet2.interface.limits import hint, may_expand
from espnet2.utils.text_file import lines_of

FIELDS = 9
MOST_SAMPLES = 1 << 40
Turn = tuple[str, int, int]  # speaker, first and last sample


@dataclass
class _Recording:
    speakers: list[str] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    length: int = 0


def load_rttm_text(path: Path | str) -> dict[str, tuple[list[str], list[Turn], int]]:
    """Read recording → speakers in order of their first turn, turns (speaker, first and last sample), and length.

    Raises:
        DataError: The file cannot be read, or a line is neither `SPEAKER` nor `END` with its nine fields.
    """
    found: dict[str, _Recording] = {}
    for number, line in enumerate(lines_of(path, "a file of RTTM", DataError), 1):
        fields = line.split()
        try:
            if len(fields) != FIELDS:
                raise ValueError
            recording = found.setdefault(fields[1], _Recording())
            if fields[0] == "END":
                recording.length = _samples(fields[4])
            elif fields[0] == "SPEAKER":
                recording.turns.append((fields[7], _samples(fields[3]), _samples(fields[4])))
            else:
                raise ValueError
        except ValueError as error:
            raise DataError(
                f"{path}, line {number}: expected SPEAKER or END with {FIELDS} fields, found {line.strip()!r}"
            ) from error
    for recording in found.values():
        recording.speakers.extend(dict.fromkeys(speaker for speaker, _, _ in recording.turns))
    return {key: (one.speakers, one.turns, one.length) for key, one in found.items()}


def _samples(text: str) -> int:
    """A number of samples; raises `ValueError` for anything else."""
    found = float(text)
    if not 0 <= found <= MOST_SAMPLES:
        raise ValueError(text)
    return int(found)


class RttmReader(Mapping[str, np.ndarray]):
    """Mapping from recordings to speaker activity (T, S): 1 where a speaker is active, otherwise 0.

    Args:
        fname: The file.

    Raises:
        DataError: As `load_rttm_text`; on use, a recording that takes too much memory.
    """

    def __init__(self, fname: str) -> None:
        self.fname = fname
        self.data = load_rttm_text(fname)

    def __getitem__(self, key: str) -> np.ndarray:
        speakers, turns, length = self.data[key]
        if not may_expand(length * len(speakers), os.path.getsize(self.fname), 8):
            found = f"{length} of {len(speakers)} speakers; {hint('EXPANDED_BYTES')}"
            raise DataError(f"{self.fname}: {key}: expected fewer samples, found {found}")
        speaks = np.zeros((length, len(speakers)))
        for speaker, first, last in turns:
            speaks[first : last + 1, speakers.index(speaker)] = 1
        return speaks

    def __contains__(self, key: object) -> bool:
        return key in self.data

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)
