"""Mean and variance normalisation with statistics of the training set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import full_lengths, make_pad_mask
from espnet2.fileio.arrays import read_arrays
from espnet2.interface.errors import ConfigError, reason_of
from espnet2.layers.abs_normalize import AbsNormalize
from espnet2.layers.inversible_interface import InversibleInterface

STATISTICS = "feature statistics (count, sum, sum_square)"


def read_stats(path: str | Path) -> tuple[float, np.ndarray, np.ndarray]:
    """Frame count, sum and sum of squares per dimension.

    Reads `.npz` with `count`, `sum`, `sum_square`, and `.npy` in Kaldi's layout, (2, C + 1) with the count at the end
    of the first row. Raises `ValueError` for anything else.
    """
    try:
        count, total, total_square = _read_arrays(path)
        count = float(count)
    except ConfigError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        found = f"no {error}" if isinstance(error, KeyError) else reason_of(error)
        raise ConfigError(f"{path}: expected {STATISTICS}, found: {found}") from None
    if not (count > 0 and total.ndim == 1 and total.shape == total_square.shape):
        found = f"a count of {count:g} and shapes {total.shape}, {total_square.shape}"
        raise ValueError(f"{path}: expected statistics of some frames, vectors of one length, found {found}")
    if not (np.isfinite(total).all() and np.isfinite(total_square).all()):
        raise ValueError(f"{path}: expected finite statistics, found NaN or infinity")
    return count, total, total_square


def _read_arrays(path: str | Path) -> tuple[Any, np.ndarray, np.ndarray]:
    stats = read_arrays(path, STATISTICS, ConfigError)
    if isinstance(stats, np.ndarray):
        return stats[0, -1], stats[0, :-1], stats[1, :-1]
    return stats["count"], stats["sum"], stats["sum_square"]


class GlobalMVN(AbsNormalize, InversibleInterface):
    """Global mean and variance normalisation with buffers `mean` and `std` (C,) from `stats_file`; variance at least
    `eps`.

    Raises `ValueError` when the file holds no statistics.
    """

    mean: torch.Tensor
    std: torch.Tensor

    @typechecked
    def __init__(
        self,
        stats_file: Path | str,
        norm_means: bool = True,
        norm_vars: bool = True,
        eps: float = 1.0e-20,
    ):
        super().__init__()
        self.stats_file = stats_file
        self.norm_means = norm_means
        self.norm_vars = norm_vars
        count, total, total_square = read_stats(stats_file)
        mean = total / count
        variance = np.maximum(total_square / count - mean * mean, eps)
        self.register_buffer("mean", torch.from_numpy(mean.astype(np.float32)))
        self.register_buffer("std", torch.from_numpy(np.sqrt(variance).astype(np.float32)))

    def forward(self, x: torch.Tensor, ilens: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalise (B, T, C); frames beyond `ilens` (B,) are zeros."""
        if self.norm_means:
            x = x - self.mean
        if self.norm_vars:
            x = x / self.std
        return zero_padding(x, ilens)

    def inverse(
        self, input: torch.Tensor, input_lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Undo the normalisation of features (B, T, C); frames beyond `input_lengths` (B,) are zeros."""
        if self.norm_vars:
            input = input * self.std
        if self.norm_means:
            input = input + self.mean
        return zero_padding(input, input_lengths)


def zero_padding(x: torch.Tensor, lengths: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Set frames of (B, T, C) beyond `lengths` (B,) to zero; None means T."""
    if lengths is None:
        return x, full_lengths(x)
    return x.masked_fill(make_pad_mask(lengths, x.shape[1])[:, :, None], 0.0), lengths
