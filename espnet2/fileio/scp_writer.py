"""Base of the writers of Kaldi-style lists."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, TypeVar

from espnet2.interface.errors import DataError, reason_of

Self = TypeVar("Self", bound="ListWriter")


class ListWriter:
    """Writer of lines `key value`, each of which is flushed at once.

    Args:
        scpfile: The list; its directory is made.

    Raises:
        DataError: The list cannot be written.
    """

    def __init__(self, scpfile: Path | str) -> None:
        self.fscp = _open(scpfile)

    def _list(self, key: str, value: str) -> None:
        self.fscp.write(f"{key} {value}\n")

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the list."""
        self.fscp.close()


def _open(path: Path | str) -> TextIO:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return open(path, "w", buffering=1, encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be written, found {reason_of(error)}") from error


class ScpWriter(ListWriter):
    """Writer of a list of files; subclasses write the values to files in `outdir`.

    Args:
        outdir: Directory of the files, which is created.
        scpfile: The list; its directory is created.
    """

    def __init__(self, outdir: Path | str, scpfile: Path | str) -> None:
        super().__init__(scpfile)
        self.dir = Path(outdir)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.data: dict[str, str | list[str]] = {}

    def _add(self, key: str, place: str | list[str]) -> None:
        """Add a line with the path of a key's file, or the paths of several."""
        self.data[key] = place
        self._list(key, place if isinstance(place, str) else " ".join(place))

    def get_path(self, key: str) -> Any:
        """Return the path, or list of paths, to which the value of a key was written."""
        return self.data[key]
