"""Make the sampler that `batch_type` names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from espnet2.interface.errors import OptionError
from espnet2.samplers.abs_sampler import AbsSampler
from espnet2.samplers.folded_batch_sampler import FoldedBatchSampler
from espnet2.samplers.length_batch_sampler import LengthBatchSampler
from espnet2.samplers.num_elements_batch_sampler import NumElementsBatchSampler
from espnet2.samplers.sorted_batch_sampler import SortedBatchSampler
from espnet2.samplers.unsorted_batch_sampler import UnsortedBatchSampler


def _picked(sampler: Callable[..., AbsSampler], *names: str, file: str = "") -> Callable[..., AbsSampler]:
    def build(options: Mapping[str, Any]) -> AbsSampler:
        arguments = {name: options[name] for name in names}
        return sampler(**arguments, **({file: options["shape_files"][0]} if file else {}))

    return build


ORDER = ("sort_in_batch", "sort_batch", "drop_last")
FILLING = ("batch_bins", "shape_files", "min_batch_size", *ORDER, "padding")

SAMPLERS: dict[str, Callable[[Mapping[str, Any]], AbsSampler]] = {
    "unsorted": _picked(UnsortedBatchSampler, "batch_size", "drop_last", file="key_file"),
    "sorted": _picked(SortedBatchSampler, "batch_size", *ORDER, file="shape_file"),
    "folded": _picked(FoldedBatchSampler, "batch_size", "shape_files", "fold_lengths", "min_batch_size", *ORDER),
    "length": _picked(LengthBatchSampler, *FILLING),
    "numel": _picked(NumElementsBatchSampler, *FILLING),
}


def build_batch_sampler(
    type: str,
    batch_size: int,
    batch_bins: int,
    shape_files: Sequence[str],
    sort_in_batch: str = "descending",
    sort_batch: str = "ascending",
    drop_last: bool = False,
    min_batch_size: int = 1,
    fold_lengths: Sequence[int] = (),
    padding: bool = True,
) -> AbsSampler:
    """Make the sampler of a `batch_type`, with the options that it accepts.

    Raises:
        OptionError: An unknown type, a number below 1, or not one fold length for each shape file.
        DataError: A shape file that cannot be used.
    """
    options = dict(locals())
    if type not in SAMPLERS:
        raise OptionError(f"batch_type: expected one of {', '.join(SAMPLERS)}, found {type!r}")
    if not shape_files:
        raise OptionError(f"shape_files: expected at least one file for batch_type {type}, found none")
    return SAMPLERS[type](options)
