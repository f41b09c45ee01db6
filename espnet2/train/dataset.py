"""Dataset of utterances, whose fields (such as speech and text) are in a file each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from espnet2.fileio.read_text import require_keys
from espnet2.fileio.readers import DATA_TYPES as DATA_TYPES
from espnet2.fileio.readers import PADDED, WITH_RATE, open_reader
from espnet2.interface.errors import AudioError, DataError, EspnetError, OptionError, reason_of

_log = logging.getLogger(__name__)

Data = dict[str, np.ndarray]
Preprocess = Callable[[str, dict[str, Any]], Data]


class Waveforms(Mapping[str, np.ndarray]):
    """Arrays of a reader without their sampling rates, which have to be equal.

    Raises:
        DataError: On use, a recording has another rate than the first one read.
        AudioError: On use, a recording has NaN or infinity, except as padding where `may_pad`.
    """

    def __init__(self, path: str, reader: Mapping[str, Any], allow_multi_rates: bool, may_pad: bool) -> None:
        self.path = path
        self.reader = reader
        self.allow_multi_rates = allow_multi_rates
        self.may_pad = may_pad
        self.rate: int | None = None

    def __getitem__(self, key: str) -> np.ndarray:
        value = self.reader[key]
        if not isinstance(value, tuple):
            return value
        rate, samples = value
        if self.rate is None:
            self.rate = rate
        if rate != self.rate and not self.allow_multi_rates:
            raise DataError(f"{self.path}: {key}: expected {self.rate} Hz, as the others have, found {rate} Hz")
        with np.errstate(invalid="ignore"):
            if not self.may_pad and not np.isfinite(samples.sum()):
                raise AudioError(f"{self.path}: {key}: expected finite samples, found NaN or infinity")
        return samples

    def __contains__(self, key: object) -> bool:
        return key in self.reader

    def __len__(self) -> int:
        return len(self.reader)

    def __iter__(self) -> Iterator[str]:
        return iter(self.reader)


class ESPnetDataset:
    """Mapping from an utterance to (utterance, {name: array}), read from one file for each name.

    Iterates over the utterances of the first file, in its order. The other files may have more of them.

    Args:
        path_name_type_list: Of each file: its path, a name such as `speech`, and a key of
            `espnet2.fileio.readers.DATA_TYPES`.
        preprocess: Called with an utterance and its values by name; returns arrays. The data set's `reseed` calls its
            method `reseed` where it has one.
        float_dtype: Of all arrays of floating point numbers.
        int_dtype: Of all arrays of integers.
        max_cache_size: Only 0, since there is no cache.
        max_cache_fd: Without effect: files are opened where they are read.
        allow_multi_rates: Whether the recordings of a list may have several sampling rates.

    Raises:
        DataError: A file cannot be read, has no utterance, or lacks one of the first file.
        OptionError: An unknown type, a repeated name, no file at all, or a cache.
    """

    def __init__(
        self,
        path_name_type_list: Collection[tuple[str, str, str]],
        preprocess: Preprocess | None = None,
        float_dtype: str = "float32",
        int_dtype: str = "long",
        max_cache_size: float = 0.0,
        max_cache_fd: int = 0,
        allow_multi_rates: bool = False,
    ) -> None:
        if not path_name_type_list:
            raise OptionError("data_path_and_name_and_type: expected at least one file, found none")
        if max_cache_size:
            raise OptionError(f"max_cache_size: expected 0, as there is no cache, found {max_cache_size!r}")
        self.preprocess = preprocess
        self.dtypes = {"f": np.dtype(float_dtype), "i": np.dtype(int_dtype), "u": np.dtype(int_dtype)}
        self.paths: dict[str, str] = {}
        self.loaders: dict[str, Mapping[str, Any]] = {}
        for path, name, kind in path_name_type_list:
            if name in self.loaders:
                raise OptionError(f"data_path_and_name_and_type: expected each name once, found {name!r} again")
            self.paths[name] = str(path)
            reader = open_reader(str(path), kind, float_dtype)
            may_pad = kind == PADDED
            self.loaders[name] = Waveforms(path, reader, allow_multi_rates, may_pad) if kind in WITH_RATE else reader
        self._check_utterances()

    def _check_utterances(self) -> None:
        (first, utterances), *others = self.loaders.items()
        if not utterances:
            raise DataError(f"{self.paths[first]}: expected at least one utterance, found none")
        for name, loader in others:
            require_keys(self.paths[name], loader, self.paths[first], utterances)
            if len(loader) > len(utterances):
                more = len(loader) - len(utterances)
                _log.warning("%s: %d utterances are not in %s", self.paths[name], more, self.paths[first])

    def __getitem__(self, uid: str) -> tuple[str, Data]:
        data = {name: self._loaded(name, uid) for name in self.loaders}
        values = {name: np.array(value) if isinstance(value, list) else value for name, value in data.items()}
        if self.preprocess is not None:
            values = self.preprocess(uid, values)
        return uid, {name: self._array(name, value) for name, value in values.items()}

    def _loaded(self, name: str, uid: str) -> Any:
        try:
            return self.loaders[name][uid]
        except EspnetError:
            raise
        except KeyError as error:
            raise DataError(f"{self}: expected an utterance of them, found {uid!r}") from error
        except Exception as error:  # as sizes in a damaged file lead to any
            found = reason_of(error)
            raise DataError(f"{self.paths[name]}: {uid}: expected {name} that can be read, found: {found}") from error

    def _array(self, name: str, value: Any) -> np.ndarray:
        if not isinstance(value, np.ndarray) or value.dtype.kind not in self.dtypes:
            found = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
            raise DataError(f"{self.paths.get(name, name)}: expected numbers after preprocessing {name}, found {found}")
        return value.astype(self.dtypes[value.dtype.kind], copy=False)

    def reseed(self, key: Sequence[int]) -> None:
        """Seed the random numbers of preprocessing with `key`."""
        reseed = getattr(self.preprocess, "reseed", None)
        if reseed is not None:
            reseed(key)

    def has_name(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return name in self.loaders

    def names(self) -> tuple[str, ...]:
        """Return the names of the files."""
        return tuple(self.loaders)

    def __contains__(self, uid: object) -> bool:
        return all(uid in loader for loader in self.loaders.values())

    def __iter__(self) -> Iterator[str]:
        return iter(next(iter(self.loaders.values())))

    def __len__(self) -> int:
        return len(next(iter(self.loaders.values())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.paths.values())})"
