"""Writer of Kaldi-style tables, which get their final names when they are complete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TextIO

from espnet2.interface.errors import DataError, one_line, reason_of, visible
from espnet2.utils.lock import try_lock


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
        self.file.write(f"{one_line(key)} {visible(one_line(value))}\n")

    def _open(self) -> TextIO:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file: TextIO = self._partial.open("a", encoding="utf-8", errors="backslashreplace", newline="\n")
            if try_lock(file.fileno()) and _is_at(file, self._partial):
                file.truncate(0)
                return file
            file.close()
        except OSError as error:
            raise DataError(f"{self.path}: expected a file that can be written, found {reason_of(error)}") from error
        raise DataError(f"{self.path}: expected no other process that writes it, found one that is running")

    @property
    def _partial(self) -> Path:
        return self.path.with_name(f"{self.path.name}.partial")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        for table in self._tables():
            with contextlib.suppress(OSError):
                table._end()

    def close(self) -> None:
        """Give all tables their final names, once all are written: on a full disk none gets its own."""
        tables = [*self._tables()]
        for table in tables:
            try:
                table._end()
            except OSError as error:
                found = reason_of(error)
                self._remove(tables)
                raise DataError(f"{table.path}: expected room to write it, found: {found}") from error
        for table in tables:
            table._rename()

    @staticmethod
    def _remove(tables: Iterable[DatadirWriter]) -> None:
        """Remove unfinished tables, whose room others need."""
        for table in tables:
            with contextlib.suppress(OSError):
                table._end()
            table._partial.unlink(missing_ok=True)

    def _tables(self) -> Iterator[DatadirWriter]:
        """All tables that are being written."""
        if self.file is not None and not self.file.closed:
            yield self
        for child in self.children.values():
            yield from child._tables()

    def _end(self) -> None:
        assert self.file is not None
        self.file.close()

    def _rename(self) -> None:
        try:
            self._partial.replace(self.path)
        except OSError as error:
            raise DataError(f"{self.path}: expected a file that can be replaced, found: {reason_of(error)}") from error


def _is_at(file: TextIO, path: Path) -> bool:
    """Whether an open file is still the one at `path`, which another process may have renamed."""
    return path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
