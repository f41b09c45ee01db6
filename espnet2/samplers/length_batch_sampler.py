"""`length`: batches of a given number of frames or tokens."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2.samplers.abs_sampler import AbsSampler
from espnet2.samplers.filling import Filling, filled


class LengthBatchSampler(AbsSampler):
    """Sampler of batches that end once their lengths add up to more than `batch_bins`.

    Args:
        batch_bins: Lengths of a batch. A longer utterance is a batch of its own.
        shape_files: Lines such as `utt1 1243,80`; the first number counts. The first file gives the order.
        min_batch_size: Smallest size of a batch; a smaller last batch is distributed over the others.
        sort_in_batch: ascending or descending, of the lengths in a batch.
        sort_batch: ascending or descending, of the batches.
        drop_last: Drop utterances that do not fill a batch.
        padding: Count the padding, too.

    Raises:
        DataError: A file cannot be read, has no or a broken line, lists other utterances, or one of them twice.
    """

    def __init__(
        self,
        batch_bins: int,
        shape_files: Sequence[str],
        min_batch_size: int = 1,
        sort_in_batch: str = "descending",
        sort_batch: str = "ascending",
        drop_last: bool = False,
        padding: bool = True,
    ) -> None:
        filling = Filling(batch_bins, min_batch_size, drop_last, padding)
        super().__init__(filled(shape_files, filling, lambda shape: shape[0], sort_in_batch, sort_batch))
