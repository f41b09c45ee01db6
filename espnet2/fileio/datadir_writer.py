"""Writer of Kaldi-style tables, which get their final names when they are complete."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TextIO

from espnet2.interface.errors import DataError


class DatadirWriter:
    """Directory of tables: `writer["1best_recog"]["text"]["utt1"] = "hello"` writes a line of `1best_recog/text`.

    Lines go to `text.partial`, which is renamed to `text` on `close`. If the `with` block ends by an exception, the
    partial files remain, and files of an earlier run are unchanged.
    """

    def __init__(self, p: Path | str) -> None:
        self.path = Path(p)
        self.children: dict[str, DatadirWriter] = {}
        self.file: TextIO | None = None

    def __enter__(self) -> DatadirWriter:
        return self

    def __getitem__(self, key: str) -> DatadirWriter:
        if self.file is not None:
            raise RuntimeError(f"{self.path} is a table, not a directory of tables")
        return self.children.setdefault(key, DatadirWriter(self.path / key))

    def __setitem__(self, key: str, value: str) -> None:
        if self.children:
            raise RuntimeError(f"{self.path} is a directory of tables, not a table")
        if not isinstance(value, str):
            raise TypeError(f"{self.path}: {key}: expected a str, found {type(value).__name__}")
        if self.file is None:
            self.file = self._open()
        self.file.write(f"{key} {value}\n")

    def _open(self) -> TextIO:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return open(self._partial, "w", encoding="utf-8", errors="backslashreplace", newline="\n")
        except OSError as error:
            raise DataError(f"{self.path}: expected a file that can be written, found {error.strerror}") from error

    @property
    def _partial(self) -> Path:
        return self.path.with_name(f"{self.path.name}.partial")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._finish(complete=kind is None)

    def close(self) -> None:
        """Give all tables their final names."""
        self._finish(complete=True)

    def _finish(self, complete: bool) -> None:
        for child in self.children.values():
            child._finish(complete)
        if self.file is not None and not self.file.closed:
            self.file.close()
            if complete:
                self._rename()

    def _rename(self) -> None:
        try:
            self._partial.replace(self.path)
        except OSError as error:
            raise DataError(f"{self.path}: expected a file that can be replaced, found: {error.strerror}") from error
