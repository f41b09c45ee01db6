"""Musical scores by list: notes with lyrics, in JSON.

MusicXML and MIDI, which upstream reads with music21 and miditoolkit for singing synthesis, are not supported.
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
from espnet2.utils.atomic import write_text
from espnet2.utils.file_name import require_member_name
from espnet2.utils.json_file import read_json_mapping


@dataclass
class NOTE:
    """A note: lyric, pitch as a MIDI number, start and end in seconds."""

    lyric: str
    midi: int
    st: float
    et: float


class SingingScoreReader(TableReader[dict[str, Any]]):
    """Mapping from utterances to scores: `tempo`, `item_list` (names of a note's items) and `note` (a list of notes).

    Args:
        fname: Lines such as `utt1 scores/utt1.json`; paths are found as `SoundScpReader` finds them.
        dtype: Kept for upstream's signature.

    Raises:
        DataError: The list cannot be read or, on use, a file of it is no mapping in JSON.
    """

    def __init__(self, fname: Path | str, dtype: type = np.int16) -> None:
        super().__init__(fname, "the path of a score in JSON")
        self.dtype = dtype

    def __getitem__(self, key: str) -> dict[str, Any]:
        path = self.get_path(key)
        return read_json_mapping(path, "a score in JSON", DataError)


class SingingScoreWriter(ScpWriter):
    """Writer of scores and their list: `writer["utt1"] = {"tempo": 100, "item_list": [...], "note": [...]}`.

    Args:
        outdir: Directory of the JSON files.
        scpfile: The list.
    """

    def __setitem__(self, key: str, value: Mapping[str, Any]) -> None:
        require_member_name(key)
        path = self.dir / f"{key}.json"
        write_text(path, json.dumps(dict(value), ensure_ascii=False, indent=2))
        self._add(key, str(path))
