"""What writers of Kaldi-style lists share."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TypeVar

from espnet2.fileio.datadir_writer import DatadirWriter

Self = TypeVar("Self", bound="ScpWriter")


class ScpWriter:
    """A list, which gets its name when it is complete; subclasses write the values to files of `outdir`.

    Args:
        outdir: Where the files go; it is made.
        scpfile: The list; its directory is made.
    """

    def __init__(self, outdir: Path | str, scpfile: Path | str) -> None:
        self.dir = Path(outdir)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.table = DatadirWriter(scpfile)
        self.table.begin()
        self.data: dict[str, str | list[str]] = {}

    def _list(self, key: str, place: str | list[str]) -> None:
        """Add a line with the path of a key's file, or the paths of several."""
        self.data[key] = place
        self.table[key] = place if isinstance(place, str) else " ".join(place)

    def get_path(self, key: str) -> str | list[str]:
        """Where the value of a key has been written."""
        return self.data[key]

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.table.__exit__(kind, error, traceback)

    def close(self) -> None:
        """Give the list its name."""
        self.table.close()
