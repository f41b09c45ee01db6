"""A journal of results, a line of JSON for each in the order in which they came: what a later run need not do again."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.interface.errors import DataError, reason_of

if TYPE_CHECKING:
    from typing_extensions import Self


class Journal:
    """Results by name, in a file that grows; a last line that a crash has cut off is removed.

    Args:
        path: The file, which is made where there is none.
        key: The first field of a line, which is its name.
        is_result: Whether a line is one of these results.

    Raises:
        DataError: It is no journal, or cannot be written.
    """

    def __init__(self, path: Path, key: str, is_result: Callable[[dict[str, Any]], bool] = lambda entry: True) -> None:
        self.path, self._key, self._is_result = path, key, is_result
        self._places: dict[str, int] = {}
        with contextlib.ExitStack() as opened:
            with self._writing():
                self._file = opened.enter_context(open(path, "a+b"))
                self._end = self._read()
                self._file.truncate(self._end)
            opened.pop_all()  # it is closed by `__exit__`

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        try:
            with self._writing():
                try:
                    self._file.flush()
                    os.fsync(self._file.fileno())
                finally:
                    self._file.close()
        except DataError:
            if kind is None:  # else that is the error to be told
                raise

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(f"{self.path}: expected a file that can be written, found {reason_of(error)}") from error

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, name: str, line: str) -> bool:
        """Write a result, a line of JSON, where there is none of this name; return whether that was so."""
        if name in self._places:
            return False
        content = f"{line.rstrip()}\n".encode("utf-8", "backslashreplace")  # halves of characters, as escapes of JSON
        with self._writing():
            self._file.write(content)
            self._file.flush()
        self._places[name] = self._end
        self._end += len(content)
        return True

    def entries(self, names: Iterable[str]) -> Iterator[dict[str, Any]]:
        """The results of these names that are there, in the order of the names."""
        for name in names:
            if name in self._places:
                self._file.seek(self._places[name])
                yield self._entry(self._file.readline())

    def _read(self) -> int:
        """Note where each result is; returns the end of the last whole one."""
        end = 0
        self._file.seek(0)
        for line in self._file:
            if not line.endswith(b"\n"):
                self._require_own(line)
                break
            self._places.setdefault(self._entry(line)[self._key], end)
            end += len(line)
        return end

    def _entry(self, line: bytes) -> dict[str, Any]:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict) or not isinstance(entry.get(self._key), str) or not self._is_result(entry):
            raise self._foreign()
        return entry

    def _require_own(self, rest: bytes) -> None:
        """Raise `DataError` for a last line without end that is no beginning of a result, and would be lost."""
        begin = f'{{"{self._key}": "'.encode()
        if rest.strip(b"\0") and not rest.startswith(begin) and not begin.startswith(rest):  # a crash leaves zeros, too
            raise self._foreign()

    def _foreign(self) -> DataError:
        return DataError(f"{self.path}: expected results of an earlier run, found another file")
