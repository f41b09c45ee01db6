"""Results of one line each: tables in a directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.fileio.datadir_writer import DatadirWriter

if TYPE_CHECKING:
    from typing_extensions import Self

Line = Callable[[Any], str]  # the value of a result in a table


class TableFiles:
    """Tables with a line `NAME VALUE` for each recording that has a result.

    Args:
        directory: Of the tables.
        tables: Path of each table in the directory, and the function from a result to its value.
    """

    def __init__(self, directory: Path, tables: Mapping[str, Line]) -> None:
        self.directory, self.tables = directory, tables
        self._writer = DatadirWriter(directory)
        self._written: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._writer.__exit__(*error)

    @property
    def outdated(self) -> set[Path]:
        """The tables of an earlier run that have no lines now."""
        return {self.directory / table for table in self.tables if table not in self._written}

    def __call__(self, name: str, result: Any) -> None:
        """Write the lines of a recording."""
        if result is None:
            return
        for table, line in self.tables.items():
            writer = self._writer
            for part in table.split("/"):
                writer = writer[part]
            writer[name] = line(result)
            self._written.add(table)
