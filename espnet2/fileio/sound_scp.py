"""Recordings by list: `wav.scp` with one `utterance path` per line, or the paths of several channels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.fileio.audio import read_samples, subtype_of
from espnet2.fileio.read_text import found_path
from espnet2.fileio.scp_writer import ScpWriter
from espnet2.fileio.table import TableReader
from espnet2.interface.errors import AudioError, DataError
from espnet2.utils.atomic import write_atomically
from espnet2.utils.file_name import require_member_name


def soundfile_read(
    wavs: str | Sequence[str],
    dtype: str | type | None = None,
    always_2d: bool = False,
    concat_axis: int = 1,
    start: int = 0,
    end: int | None = None,
    return_subtype: bool = False,
) -> tuple[Any, ...]:
    """Read samples (T,) or (T, C) and rate in Hz of a recording, or of several that are joined.

    Args:
        wavs: A path, or those of several recordings of one rate.
        dtype: float32, float64, int16 or int32; default float64.
        always_2d: (T, C) for one channel, too.
        concat_axis: The axis along which several recordings are joined: 1 for channels, 0 for time.
        start: First sample to read.
        end: Sample before which to stop; None: the end of the recording.
        return_subtype: Return the encodings of the files, such as PCM_16, as third value.

    Raises:
        AudioError: A recording cannot be read, or does not match the first one.
    """
    paths = [wavs] if isinstance(wavs, str) else list(wavs)
    name = "float64" if dtype is None else str(np.dtype(dtype))
    joined = len(paths) > 1
    read = [read_samples(path, name, always_2d or (joined and concat_axis == 1)) for path in paths]
    arrays = [samples[start:end] for samples, _ in read]
    first, fs = arrays[0], read[0][1]
    for path, array, (_, rate) in zip(paths, arrays, read, strict=True):
        if rate != fs or (joined and concat_axis == 1 and len(array) != len(first)):
            raise AudioError(
                f"{path}: expected {len(first)} samples at {fs} Hz, as {paths[0]} has, found {len(array)} at {rate} Hz"
            )
    samples = np.concatenate(arrays, axis=concat_axis) if joined else first
    return (samples, fs, [subtype_of(path) for path in paths]) if return_subtype else (samples, fs)


class SoundScpReader(TableReader[tuple[int, np.ndarray]]):
    """Mapping from utterances to (sampling rate in Hz, samples (T,), or (T, C) for several channels).

    Args:
        fname: `wav.scp`; its paths are relative to the working directory or, failing that, to the file's own
            directory or one above it.
        dtype: dtype of samples: float32 or float64 in [-1, 1), int16 or int32 as stored; default float64.
        always_2d: (T, C) for one channel, too.
        multi_columns: A line may have several paths separated by spaces.
        concat_axis: As in `soundfile_read`.

    Raises:
        DataError: The list cannot be read, or has a command (`cmd |`) instead of a path. Commands are never run.
    """

    def __init__(
        self,
        fname: Path | str,
        dtype: str | type | None = None,
        always_2d: bool = False,
        multi_columns: bool = False,
        concat_axis: int = 1,
    ) -> None:
        super().__init__(fname, "paths of recordings" if multi_columns else "the path of a recording")
        self.dtype = "float64" if dtype is None else str(np.dtype(dtype))
        self.always_2d = always_2d
        self.multi_columns = multi_columns
        self.concat_axis = concat_axis
        for key, value in self.data.items():
            if value.endswith("|"):
                raise DataError(
                    f"{fname}: {key}: expected the path of a recording, found the command {value!r}: "
                    "run it and list the file it makes"
                )

    def __getitem__(self, key: str) -> tuple[int, np.ndarray]:
        samples, rate = soundfile_read(self._paths(key), self.dtype, self.always_2d, self.concat_axis)
        if not len(samples) and self.multi_columns:
            raise AudioError(f"{self._paths(key)[0]}: expected samples, found none")
        return rate, samples

    def _paths(self, key: str) -> list[str]:
        listed = self.data[key].split() if self.multi_columns else [self.data[key]]
        return [found_path(path, self.fname) for path in listed]

    def get_path(self, key: str) -> Any:
        """Find the recording of a key: as listed if that exists, otherwise relative to the list or a directory above
        it.

        Returns a list of paths if lines may have several.
        """
        return self._paths(key) if self.multi_columns else super().get_path(key)

    def place(self, key: str) -> str:
        """See the base class: the file, or list and utterance if there may be several files."""
        return f"{self.fname}: {key}" if self.multi_columns else super().place(key)


class SoundScpWriter(ScpWriter):
    """Writer of recordings and their list: `writer["utt1"] = rate, samples`, with samples (T,) or (T, C).

    Args:
        outdir: Directory of the recordings.
        scpfile: The list.
        format: Container and suffix of the files: wav, flac, ...
        multi_columns: Write a file for each of several channels.
        output_name_format: The name of a file, with `{key}` and `{audio_format}`.
        output_name_format_multi_columns: The name of a channel's file, with `{channel}`, too.
        subtype: Encoding of samples, such as PCM_24; default: the container's.

    Raises:
        ValueError, TypeError: On use, a value is no rate and samples.
        AudioError: On use, samples have other axes.
    """

    def __init__(
        self,
        outdir: Path | str,
        scpfile: Path | str,
        format: str = "wav",
        multi_columns: bool = False,
        output_name_format: str = "{key}.{audio_format}",
        output_name_format_multi_columns: str = "{key}-CH{channel}.{audio_format}",
        subtype: str | None = None,
    ) -> None:
        super().__init__(outdir, scpfile)
        self.format = format
        self.multi_columns = multi_columns
        self.output_name_format = output_name_format
        self.output_name_format_multi_columns = output_name_format_multi_columns
        self.subtype = subtype

    def __setitem__(self, key: str, value: tuple[int, np.ndarray] | tuple[np.ndarray, int]) -> None:
        rate, samples = _rate_and_samples(key, value)
        if samples.ndim not in (1, 2):
            raise AudioError(f"{key}: expected samples (T,) or (T, C), found an array of shape {samples.shape}")
        if samples.ndim == 2 and samples.shape[1] > 1 and self.multi_columns:
            form = self.output_name_format_multi_columns
            columns = enumerate(samples.T)
            names = [
                (form.format(key=key, audio_format=self.format, channel=index), column) for index, column in columns
            ]
            self._add(key, [self._write(name, rate, column) for name, column in names])
        else:
            name = self.output_name_format.format(key=key, audio_format=self.format)
            self._add(key, self._write(name, rate, samples))

    def _write(self, name: str, rate: int, samples: np.ndarray) -> str:
        import soundfile

        require_member_name(name)
        path = self.dir / name
        with write_atomically(path) as file:
            soundfile.write(file, samples, rate, subtype=self.subtype, format=path.suffix.removeprefix(".").upper())
        return str(path)


def _rate_and_samples(key: str, value: Any) -> tuple[int, np.ndarray]:
    if len(value) != 2:
        raise ValueError(f"{key}: expected a rate and samples, found {len(value)} values")
    rate, samples = value if isinstance(value[1], np.ndarray) else value[::-1]
    if not isinstance(rate, int | np.integer) or not isinstance(samples, np.ndarray):
        found = ", ".join(type(item).__name__ for item in value)
        raise TypeError(f"{key}: expected an integer and an array, found {found}")
    return int(rate), samples
