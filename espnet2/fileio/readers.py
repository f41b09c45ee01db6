"""The types of a list, as `--data_path_and_name_and_type PATH,NAME,TYPE` has them, and what reads each: one table for
training, recognition and recipes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from espnet2.fileio.kaldi_scp import KaldiScpReader
from espnet2.fileio.npy_scp import NpyScpReader
from espnet2.fileio.random_arrays import RANDOM_INTS, Hdf5Reader, RandomArrays
from espnet2.fileio.read_text import load_num_sequence_text, read_2columns_text, require_values
from espnet2.fileio.sound_columns import SoundColumnsReader
from espnet2.fileio.sound_list import SoundListReader
from espnet2.fileio.table import TableReader
from espnet2.runtime.errors import OptionError

Reader = Mapping[str, Any]
AnyReader = TypeVar("AnyReader", bound=Reader)


def _sound(path: str, dtype: str) -> TableReader[Any]:
    # Kaldi's convention: beside `segments`, a `wav.scp` lists recordings, and the utterances are parts of them.
    segments = Path(path).parent / "segments"
    cut = Path(path).name == "wav.scp" and segments.exists()
    return SoundListReader(path, dtype, segments if cut else None)


def _npy(path: str, dtype: str) -> TableReader[Any]:
    return NpyScpReader(path)


def _numbers(path: str, dtype: str, *, loader_type: str) -> Reader:
    return load_num_sequence_text(path, loader_type)


def _text(path: str, dtype: str) -> Reader:
    table = read_2columns_text(path)
    require_values(path, table, "a text")
    return table


def _random(path: str, dtype: str) -> Reader:
    return RandomArrays(path)


def _hdf5(path: str, dtype: str) -> Reader:
    return Hdf5Reader(path)


# Those that may hold speech: samples with their rate, or arrays of features.
SPEECH_TYPES: dict[str, Callable[[str, str], TableReader[Any]]] = {
    "sound": _sound,
    "multi_columns_sound": SoundColumnsReader,  # a recording per channel on a line
    "kaldi_ark": KaldiScpReader,
    "npy": _npy,
}
DATA_TYPES: dict[str, Callable[[str, str], Reader]] = {
    **SPEECH_TYPES,
    **{name: partial(_numbers, loader_type=name) for name in ("text_int", "csv_int", "text_float", "csv_float")},
    "text": _text,
    "rand_float": _random,
    "hdf5": _hdf5,
}


def open_reader(path: str, kind: str, dtype: str, kinds: Mapping[str, Callable[[str, str], AnyReader]]) -> AnyReader:
    """What reads the list at `path`: a mapping from utterances to arrays, (rate, samples), lists of numbers or texts.

    Args:
        path: The list.
        kind: Its type, one of `kinds`, or `rand_int_LOW_HIGH` where `rand_float` is one of them.
        dtype: Of samples.
        kinds: `DATA_TYPES`, or some of them.

    Raises:
        OptionError: An unknown type.
        DataError: The list cannot be read.
    """
    numbers = RANDOM_INTS.fullmatch(kind)
    if numbers and "rand_float" in kinds:
        return RandomArrays(path, *map(int, numbers.groups()))  # type: ignore[return-value]
    if kind not in kinds:
        raise OptionError(f"{path}: expected a type of {', '.join(kinds)}, found {kind!r}")
    return kinds[kind](path, dtype)
