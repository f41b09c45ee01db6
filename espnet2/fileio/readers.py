"""Types of lists in `--data_path_and_name_and_type PATH,NAME,TYPE`, and their readers: one table for training,
recognition and recipes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from espnet2.fileio.hdf5 import H5FileWrapper
from espnet2.fileio.kaldi_scp import KaldiScpReader
from espnet2.fileio.multi_sound_scp import MultiSoundScpReader
from espnet2.fileio.npy_scp import NpyScpReader
from espnet2.fileio.rand_gen_dataset import FloatRandomGenerateDataset, IntRandomGenerateDataset
from espnet2.fileio.read_text import load_num_sequence_text, read_2columns_text, require_values
from espnet2.fileio.rttm import RttmReader
from espnet2.fileio.sound_list import SoundListReader
from espnet2.fileio.sound_scp import SoundScpReader
from espnet2.fileio.table import TableReader
from espnet2.interface.errors import OptionError

Reader = Mapping[str, Any]
Choice = TypeVar("Choice")


def _sound(path: str, dtype: str) -> TableReader[Any]:
    # Kaldi's convention: beside `segments`, a `wav.scp` lists recordings, and the utterances are parts of them.
    segments = Path(path).parent / "segments"
    cut = Path(path).name == "wav.scp" and segments.exists()
    return SoundListReader(path, dtype, segments if cut else None)


def _columns(path: str, dtype: str) -> TableReader[Any]:
    return SoundScpReader(path, dtype, multi_columns=True)


def _npy(path: str, dtype: str) -> TableReader[Any]:
    return NpyScpReader(path)


def _numbers(path: str, dtype: str, *, loader_type: str) -> Reader:
    return load_num_sequence_text(path, loader_type)


def _several(path: str, dtype: str) -> Reader:
    return MultiSoundScpReader(path, dtype)


def _hdf5(path: str, dtype: str) -> Reader:
    return H5FileWrapper(path)


def _rttm(path: str, dtype: str) -> Reader:
    return RttmReader(path)


def _random(path: str, dtype: str) -> Reader:
    return FloatRandomGenerateDataset(path, dtype)


def _text(path: str, dtype: str) -> Reader:
    table = read_2columns_text(path)
    require_values(path, table, "a text")
    return table


PADDED = "variable_columns_sound"  # shorter recordings are padded with NaN, as in upstream
# Types that may hold speech: samples with their rate, or arrays of features.
SPEECH_TYPES: dict[str, Callable[[str, str], TableReader[Any]]] = {
    "sound": _sound,
    "multi_columns_sound": _columns,  # a recording per channel on a line
    "kaldi_ark": KaldiScpReader,
    "npy": _npy,
}
DATA_TYPES: dict[str, Callable[[str, str], Reader]] = {
    **SPEECH_TYPES,
    **{name: partial(_numbers, loader_type=name) for name in ("text_int", "csv_int", "text_float", "csv_float")},
    "text": _text,
    PADDED: _several,  # recordings of several lengths on a line
    "hdf5": _hdf5,
    "rttm": _rttm,
    "rand_float": _random,
}
WITH_RATE = (*SPEECH_TYPES, PADDED)  # types that may give (rate, samples)
RANDOM_INTEGERS = re.compile(r"rand_int_(\d+)_(\d+)")  # the name includes the range


def open_reader(path: str, kind: str, dtype: str) -> Reader:
    """Open the list at `path`: a mapping from utterances to arrays, (rate, samples), lists of numbers or texts.

    Args:
        path: The list.
        kind: Its type, one of `DATA_TYPES`, or such as rand_int_3_10.
        dtype: dtype of samples.

    Raises:
        OptionError: An unknown type.
        DataError: The list cannot be read.
    """
    integers = RANDOM_INTEGERS.fullmatch(kind)
    if integers is not None:
        return IntRandomGenerateDataset(path, int(integers[1]), int(integers[2]))
    return _chosen(path, kind, DATA_TYPES)(path, dtype)


def open_speech(path: str, kind: str, dtype: str) -> TableReader[Any]:
    """`open_reader` for types that may hold speech."""
    return _chosen(path, kind, SPEECH_TYPES)(path, dtype)


def _chosen(path: str, kind: str, kinds: Mapping[str, Choice]) -> Choice:
    if kind not in kinds:
        raise OptionError(f"{path}: expected a type of {', '.join(kinds)}, found {kind!r}")
    return kinds[kind]
