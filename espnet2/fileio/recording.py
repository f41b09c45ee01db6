"""Recordings: files, or the utterances of a list, each of which is read on use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from espnet2.fileio.audio import only_channel, read_samples, resample
from espnet2.fileio.readers import open_speech
from espnet2.interface.errors import AudioError, DataError, EspnetError

DTYPE = "float32"


@dataclass(frozen=True)
class Recording:
    """An utterance whose speech is read on use.

    Args:
        name: Its key in files of results.
        place: Location of its speech, for messages.
        load: Returns (sampling rate in Hz, samples (T,) or (T, C)), or an array without rate, such as features (T, D).
        has_channels: Samples may have several channels; an encoder of one channel gets the first.
    """

    name: str
    place: str
    load: Callable[[], Any]
    has_channels: bool = False

    def read(self, fs: int, axes: int = 1) -> np.ndarray:
        """Read samples (T,) or (T, C), resampled to `fs` Hz, or features (T, D).

        Args:
            fs: The model's sampling rate in Hz.
            axes: Number of axes of the model's input: 1 for samples of one channel, 2 for features or channels.

        Raises:
            AudioError: The recording cannot be read or used.
        """
        try:
            value = self.load()
            if isinstance(value, tuple):
                rate, samples = value
                if axes == 1 and not self.has_channels:
                    samples = only_channel(samples, self.place)
                return resample(samples, rate, fs, self.place)
        except AudioError:
            raise
        except EspnetError as error:
            raise AudioError(str(error)) from error
        # Files and commands can fail with any error, and a failure must not stop the recognition of other recordings.
        except Exception as error:
            found = " ".join(str(error).split()) or type(error).__name__
            raise AudioError(f"{self.place}: expected a recording, found: {found}") from error
        if value.ndim > axes:
            raise AudioError(f"{self.place}: expected samples (T,), found an array of shape {value.shape}")
        return value


def recording_of_file(path: str, name: str | None = None) -> Recording:
    """A file as a recording under a name; None: its path."""
    return Recording(path if name is None else name, path, partial(_read_file, path))


def _read_file(path: str) -> tuple[int, np.ndarray]:
    samples, rate = read_samples(path, DTYPE)
    return rate, samples


def recordings_of_list(path: str, kind: str) -> list[Recording]:
    """Make recordings of a list's utterances, in its order; its type is one of `espnet2.fileio.readers.SPEECH_TYPES`.

    Raises:
        OptionError: An unknown type.
        DataError: The list cannot be read, or is empty.
    """
    reader = open_speech(path, kind, DTYPE)
    if not reader:
        raise DataError(f"{path}: expected at least one recording, found none")
    has_channels = kind == "multi_columns_sound"
    return [Recording(key, reader.place(key), partial(reader.__getitem__, key), has_channels) for key in reader]
