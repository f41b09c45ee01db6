"""Scores of singing by list: notes with lyrics, as JSON.

Scores in MusicXML and MIDI, which upstream reads with music21 and miditoolkit, are for the task of singing, which does
not exist here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.fileio.scp_writer import ScpWriter
from espnet2.fileio.table import TableReader
from espnet2.interface.errors import DataError
from espnet2.utils.text_file import read_text


@dataclass
class NOTE:
    """A note: its lyric, its pitch as a number of MIDI, and when it starts and ends in seconds."""

    lyric: str
    midi: int
    st: float
    et: float


class SingingScoreReader(TableReader[dict[str, Any]]):
    """Utterance -> its score: `tempo`, `item_list` (what a note's items are) and `note` (a list of notes).

    Args:
        fname: Lines such as `utt1 scores/utt1.json`; paths are found as `SoundScpReader` finds them.
        dtype: Kept for upstream's signature.

    Raises:
        DataError: The list cannot be read, or, on use, a file of it is no mapping in JSON.
    """

    def __init__(self, fname: Path | str, dtype: type = np.int16) -> None:
        super().__init__(fname, "the path of a score in JSON")
        self.dtype = dtype

    def __getitem__(self, key: str) -> dict[str, Any]:
        path = self.get_path(key)
        text = read_text(path, "a score in JSON", DataError)
        try:
            return dict(json.loads(text))
        except (ValueError, TypeError) as error:
            raise DataError(f"{path}: expected a score in JSON, found {error}") from error


class SingingScoreWriter(ScpWriter):
    """Writes scores and their list: `writer["utt1"] = {"tempo": 100, "item_list": [...], "note": [...]}`.

    Args:
        outdir: Where the JSON files go.
        scpfile: The list.
    """

    def __setitem__(self, key: str, value: Mapping[str, Any]) -> None:
        path = self.dir / f"{key}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dict(value), ensure_ascii=False, indent=2), encoding="utf-8")
        self._add(key, str(path))
