"""Rows of the zoo, and their inputs and weights, drawn from names alone.

Standard library and numpy only, so that upstream's environment and ours draw the same values; nothing is stored.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class New:
    """An object to build: `target` is `module:Class`; options may hold further `New` and `Stats`."""

    target: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stats:
    """A statistics file for `size` features, as `npz` (count, sum, sum_square) or Kaldi's matrix in an `npy`."""

    size: int
    style: str = "npz"


@dataclass(frozen=True)
class Pretrained:
    """A directory with a tiny model of transformers, made by its class `family` from these keys of a config.json.

    Of `files`, "preprocessor" gives the keys of a preprocessor_config.json, and "tokenizer" asks for a tokenizer.
    """

    family: str
    model_type: str
    keys: Mapping[str, Any]
    files: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """A model that a task builds from a config file of these keys."""

    task: str
    keys: Mapping[str, Any]


@dataclass(frozen=True)
class Array:
    """An input of one utterance. Sizes are numbers, "n" (the utterance's length), "u" (tokens) or "2n-1".

    `below` makes it integers from 1 to `below` - 1. A `centred` array is a table over relative positions: drawn once
    for the longest utterance, whose middle part belongs to a shorter one.
    """

    name: str
    sizes: tuple[int | str, ...]
    below: int = 0
    centred: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the table.

    `kind` is a name in `zoo_calls.KINDS`. Of outputs whose `keep` is k, the golden holds every k-th step.
    `tied` maps a state-dict key to the key that it shares its parameter with, `fixed` one to a value that is not drawn.
    """

    name: str
    kind: str
    make: New | Config
    inputs: tuple[Array, ...]
    lengths: tuple[int, ...]
    tolerance: float = 1e-5
    keep: int = 1
    tied: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def target(self) -> str:
        return self.make.target if isinstance(self.make, New) else self.make.task


def tokens_for(length: int) -> int:
    """Number of tokens for an utterance of `length` frames."""
    return length // 5 + 2


def _seed(*names: object) -> np.random.RandomState:
    # RandomState's streams are frozen by numpy's policy; those of Generator may change between versions.
    return np.random.RandomState(zlib.crc32("/".join(map(str, names)).encode()))


def drawn(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Normally distributed numbers."""
    return _seed(name, shape).standard_normal(shape)


def utterance(row: Row, index: int) -> dict[str, np.ndarray]:
    """The inputs of one utterance, without a batch axis."""
    length = row.lengths[index]
    return {array.name: _draw(row, array, index, length) for array in row.inputs}


def _draw(row: Row, array: Array, index: int, length: int) -> np.ndarray:
    if array.centred:
        longest = max(row.lengths)
        whole = _values(array, _seed(row.name, array.name), longest)
        return whole[longest - length : longest + length - 1]
    return _values(array, _seed(row.name, array.name, index), length)


def _values(array: Array, random: np.random.RandomState, length: int) -> np.ndarray:
    sizes = {"n": length, "u": tokens_for(length), "2n-1": 2 * length - 1}
    shape = tuple(size if isinstance(size, int) else sizes[size] for size in array.sizes)
    if array.below:
        return random.randint(1, array.below, shape).astype(np.int64)
    return random.standard_normal(shape).astype(np.float32)


def stats_arrays(stats: Stats) -> dict[str, np.ndarray]:
    """Statistics over 1000 frames: means about 1, variances from 0.5 to 2."""
    random, count = _seed("stats", stats.size), 1000
    mean, variance = random.normal(1.0, 1.0, stats.size), random.uniform(0.5, 2.0, stats.size)
    return {"count": np.array(count), "sum": mean * count, "sum_square": (variance + mean**2) * count}


# Buffers that follow from the constructor's options or from a file, and edges of bands in Hz.
FIXED = ("melmat", "mean", "std", "window", "pe", "num_batches_tracked", "flipped_filter", "fb", "window_", "n_")
FIXED += ("low_hz_", "band_hz_", "alphas_cumulative", "min_alphas_cumulative")
FIXED += ("analysis_filter", "synthesis_filter", "updown_filter")


def filled(row: Row, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A state dict with the same keys and shapes, drawn from the keys' names so that activations stay near 1."""
    drawn = drawn_weights(state, row.tied)
    return {**drawn, **{key: np.full_like(state[key], value) for key, value in row.fixed.items()}}


def drawn_weights(state: Mapping[str, np.ndarray], tied: Mapping[str, str] | None = None) -> dict[str, np.ndarray]:
    """A state dict with the same keys and shapes, drawn from the keys' names; `tied` names the key to draw from."""
    return {key: _weight((tied or {}).get(key, key), value) for key, value in state.items()}


def _weight(key: str, value: np.ndarray) -> np.ndarray:
    name, random = key.rsplit(".", 1)[-1], _seed(key, value.shape)
    if name in FIXED or value.dtype.kind != "f":
        return value
    noise = random.standard_normal(value.shape)
    if name == "running_var":
        drawn = 1 + 0.2 * np.abs(noise)
    elif value.ndim >= 2:
        drawn = noise / np.sqrt(np.prod(value.shape[1:]))
    else:
        drawn = (1.0 if name in ("weight", "alpha") else 0.0) + 0.1 * noise
    return np.asarray(drawn, dtype=value.dtype)
