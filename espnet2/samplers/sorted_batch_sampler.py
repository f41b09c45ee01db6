"""`sorted`: batches of a fixed number of utterances of similar length."""

from __future__ import annotations

from espnet2.samplers.abs_sampler import AbsSampler
from espnet2.samplers.batching import evenly, read_shapes, require_at_least_one, require_orders


class SortedBatchSampler(AbsSampler):
    """Sampler of batches of utterances sorted by length.

    Args:
        batch_size: Utterances of a batch; a few more if the number of utterances is no multiple of it.
        shape_file: Lines such as `utt1 1243,80`; the first number counts.
        sort_in_batch: ascending or descending, of the lengths in a batch.
        sort_batch: ascending or descending, of the batches.
        drop_last: Drop utterances that do not fill a batch.

    Raises:
        DataError: The file cannot be read, has no or a broken line, or an utterance comes twice.
    """

    def __init__(
        self,
        batch_size: int,
        shape_file: str,
        sort_in_batch: str = "descending",
        sort_batch: str = "ascending",
        drop_last: bool = False,
    ) -> None:
        require_at_least_one(batch_size=batch_size)
        require_orders(sort_in_batch=sort_in_batch, sort_batch=sort_batch)
        shapes = read_shapes(shape_file)
        descending = sort_in_batch == "descending"
        utterances = sorted(shapes, key=lambda utterance: shapes[utterance][0], reverse=descending)
        batches = evenly(utterances, batch_size, drop_last)
        super().__init__(batches if sort_in_batch == sort_batch else batches[::-1])
