"""Voice activity by list: `utt1 0.0000:1.2000 3.1000:4.5000`, in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.fileio.scp_writer import ListWriter
from espnet2.fileio.table import TableReader
from espnet2.interface.errors import DataError

Span = tuple[float, float]


class VADScpReader(TableReader[list[Span]]):
    """Mapping from utterances to speech segments: start and end in seconds.

    Args:
        fname: The list.
        dtype: Kept for upstream's signature; times are Python numbers.

    Raises:
        DataError: The list cannot be read or, on use, a line is invalid.
    """

    def __init__(self, fname: Path | str, dtype: Any = np.float32) -> None:
        super().__init__(fname, "parts with speech, such as 0.0:1.2")
        self.dtype = dtype

    def __getitem__(self, key: str) -> list[Span]:
        try:
            pairs = [part.split(":") for part in self.data[key].split()]
            return [(float(start), float(end)) for start, end in pairs]
        except ValueError as error:
            raise DataError(f"{self.fname}: {key}: expected start:end in seconds, found {self.data[key]!r}") from error

    def place(self, key: str) -> str:
        """List and utterance."""
        return f"{self.fname}: {key}"


class VADScpWriter(ListWriter):
    """Writer of speech segments: `writer["utt1"] = [(0.0, 1.2), (3.1, 4.5)]`.

    Args:
        scpfile: The list.
        dtype: Kept for upstream's signature.
    """

    def __init__(self, scpfile: Path | str, dtype: Any = None) -> None:
        super().__init__(scpfile)
        self.dtype = dtype

    def __setitem__(self, key: str, value: Sequence[Span]) -> None:
        self._list(key, " ".join(f"{start:.4f}:{end:.4f}" for start, end in value))
