"""`unsorted`: batches of a fixed number of utterances, in the order of the file."""

from __future__ import annotations

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import DataError
from espnet2.samplers.abs_sampler import AbsSampler
from espnet2.samplers.batching import evenly, require_at_least_one


class UnsortedBatchSampler(AbsSampler):
    """Sampler of batches in the order of the file.

    Args:
        batch_size: Utterances of a batch; a few more if the number of utterances is no multiple of it.
        key_file: Any file with an utterance at the beginning of each line, such as a shape file or `wav.scp`.
        drop_last: Drop utterances that do not fill a batch.

    Raises:
        DataError: The file cannot be read, is empty, or an utterance comes twice.
    """

    def __init__(self, batch_size: int, key_file: str, drop_last: bool = False) -> None:
        require_at_least_one(batch_size=batch_size)
        utterances = list(read_2columns_text(key_file))
        if not utterances:
            raise DataError(f"{key_file}: expected an utterance on each line, found an empty file")
        super().__init__(evenly(utterances, batch_size, drop_last))
