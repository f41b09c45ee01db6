"""Dataset of utterances in order, for loaders that only iterate."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import torch
from torch.utils.data import IterableDataset

from espnet2.fileio.read_text import read_2columns_text
from espnet2.train.dataset import Data, ESPnetDataset, Preprocess


class IterableESPnetDataset(IterableDataset[tuple[str, Data]]):
    """Iterable of (utterance, {name: array}) in order; the workers of a `DataLoader` take turns.

    Args:
        path_name_type_list, preprocess, float_dtype, int_dtype: See `ESPnetDataset`.
        key_file: File of the utterances, one at the beginning of each line, or those themselves; default: those of the
            first file of the data.

    Raises:
        DataError: See `ESPnetDataset`; on use, the data has no utterance of `key_file`.
        OptionError: See `ESPnetDataset`.
    """

    def __init__(
        self,
        path_name_type_list: Collection[tuple[str, str, str]],
        preprocess: Preprocess | None = None,
        float_dtype: str = "float32",
        int_dtype: str = "long",
        key_file: str | Path | list[str] | None = None,
    ) -> None:
        self.dataset = ESPnetDataset(path_name_type_list, preprocess, float_dtype, int_dtype)
        if key_file is None or isinstance(key_file, list):
            self.uids = list(self.dataset) if key_file is None else key_file
        else:
            self.uids = list(read_2columns_text(key_file))

    def __iter__(self) -> Iterator[tuple[str, Data]]:
        worker = torch.utils.data.get_worker_info()
        start, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for uid in self.uids[start::step]:
            yield self.dataset[uid]

    def has_name(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return self.dataset.has_name(name)

    def names(self) -> tuple[str, ...]:
        """Return the names of the files."""
        return self.dataset.names()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.dataset.paths.values())})"
