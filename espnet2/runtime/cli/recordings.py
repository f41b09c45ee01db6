"""Recordings that a command names: files, directories of them, and standard input."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from espnet2.fileio.audio import EXPECTED
from espnet2.fileio.pieces import Pieces
from espnet2.interface.errors import AudioError, OptionError
from espnet2.interface.foreign_file import read_bounded

STANDARD = "-"
LIST = ".scp"  # ending of a list of recordings
# Endings of recordings in a directory; a file that is named may have any.
SUFFIXES = frozenset(
    [".aif", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".sph", ".w64", ".wav", ".wave"]
)


@dataclass(frozen=True)
class Source:
    """A recording: its name in results, and its file; None: standard input."""

    name: str
    path: Path | None

    @property
    def place(self) -> str:
        """Name in messages."""
        return "standard input" if self.path is None else str(self.path)

    @property
    def stem(self) -> str:
        """Name of its files of results, without suffix."""
        return "stdin" if self.path is None else self.path.stem

    def open(self, fs: int) -> Pieces:
        """Open the recording for reading in pieces at `fs` Hz; raises `AudioError`."""
        content = io.BytesIO(self._standard()) if self.path is None else self.path
        return Pieces(content, fs, self.place)

    def _standard(self) -> bytes:
        if sys.stdin is None:
            raise AudioError(f"{self.place}: expected {EXPECTED}, found that it is closed")
        return read_bounded(sys.stdin.buffer, EXPECTED, AudioError, "PIPE_BYTES", self.place)


def find_sources(names: Sequence[str], distinct: bool = False) -> list[Source]:
    """Recordings in the order of their names; those of a directory in the order of the alphabet.

    Raises:
        OptionError: A directory without recordings, standard input twice, or, if `distinct`, two recordings whose files
            of results would have one name.
    """
    sources = [source for name in names for source in _of(name)]
    if [source.path for source in sources].count(None) > 1:
        raise OptionError("recordings: expected standard input once, found it twice")
    known: dict[str, str] = {}
    for source in sources if distinct else ():
        if source.stem in known:
            found = f"{known[source.stem]} and {source.place}"
            raise OptionError(f"--output_dir: expected recordings of different names, found {found}")
        known[source.stem] = source.place
    return sources


def _of(name: str) -> list[Source]:
    if name == STANDARD:
        return [Source(name, None)]
    path = Path(name)
    if path.suffix == LIST:
        raise OptionError(f"{name}: expected recordings, or --ray with a list of them, found a list alone")
    if not _is_directory(path):
        return [Source(name, path)]
    found = sorted(item for item in path.iterdir() if item.suffix.lower() in SUFFIXES)
    if not found:
        raise OptionError(f"{name}: expected a directory with recordings (.wav, .flac, ...), found none")
    return [Source(str(item), item) for item in found]


def _is_directory(path: Path) -> bool:
    """Whether a path is that of a directory; one that the system refuses is a recording that cannot be read."""
    try:
        return path.is_dir()
    except OSError:
        return False
