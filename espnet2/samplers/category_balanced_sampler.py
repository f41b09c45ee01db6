"""`catbel`: batches that are balanced over categories, such as speakers."""

from __future__ import annotations

import random
from typing import Any

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import DataError, OptionError
from espnet2.samplers.abs_sampler import AbsSampler
from espnet2.samplers.batching import require_at_least_one


class CategoryBalancedSampler(AbsSampler):
    """Sampler of batches with different categories (Chung et al. 2020, https://arxiv.org/abs/2003.11982).

    A batch has at most one utterance of a category or, if it has more utterances than there are categories, one more
    than their ratio. Other utterances are dropped, and so is an incomplete last batch. The order depends on the epoch
    alone, and is upstream's.

    Args:
        batch_size: Utterances of a batch.
        min_batch_size: Has no effect, as in upstream.
        drop_last: Has no effect, as in upstream: batches are always full.
        category2utt_file: Lines of a category and its utterances, such as `speaker1 utt1 utt2`.
        epoch: Seed of the order.
        kwargs: Options of other samplers, without effect.

    Raises:
        DataError: The file cannot be read or is empty.
        OptionError: There is no file, or a number below 1.
    """

    def __init__(
        self,
        batch_size: int,
        min_batch_size: int = 1,
        drop_last: bool = False,
        category2utt_file: str | None = None,
        epoch: int = 1,
        **kwargs: Any,
    ) -> None:
        require_at_least_one(batch_size=batch_size)
        if category2utt_file is None:
            raise OptionError("category2utt_file: expected a file of categories and their utterances, found none")
        table = read_2columns_text(category2utt_file)
        utterances = {category: value.split() for category, value in table.items()}
        if not any(utterances.values()):
            raise DataError(f"{category2utt_file}: expected categories and their utterances, found an empty file")
        self.batch_size = batch_size
        super().__init__(_balanced(utterances, batch_size, random.Random(epoch)))


def _balanced(utterances: dict[str, list[str]], batch_size: int, rng: random.Random) -> list[list[str]]:
    """Make full batches; an utterance that exceeds its category's limit is deferred."""
    categories = list(utterances)
    rng.shuffle(categories)
    waiting = {category: list(utterances[category]) for category in categories}
    for items in waiting.values():
        rng.shuffle(items)
    turns = [category for category in categories for _ in waiting[category]]
    order = list(range(len(turns)))
    rng.shuffle(order)
    most = 1 if batch_size <= len(categories) else batch_size // len(categories) + 1
    batches: list[list[str]] = []
    batch: list[str] = []
    used: list[str] = []
    for category in (turns[place] for place in order):
        if used.count(category) < most:
            used.append(category)
            batch.append(waiting[category].pop())
        if len(batch) == batch_size:
            batches.append(batch)
            batch, used = [], []
    return batches
