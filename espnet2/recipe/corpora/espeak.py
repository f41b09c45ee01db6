"""Speech by espeak-ng: Debian's program where it is on PATH, else the library of PyPI's `espeakng-loader`."""

from __future__ import annotations

import ctypes
import importlib
import io
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from espnet2.runtime.errors import DataError, MissingPackageError

# Of speak_lib.h.
SYNCHRONOUS_RETRIEVAL = 2
RATE, PITCH, WORD_GAP = 1, 3, 7
CHARS_UTF8 = 1
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True)
class Manner:
    """How a text is spoken.

    Args:
        voice: Language and variant, such as `en-us+m3`.
        speed: Words per minute.
        pitch: From 0 to 99.
        gap: Pause between words, in units of 10 ms.
    """

    voice: str
    speed: int
    pitch: int
    gap: int


def speak(text: str, manner: Manner) -> tuple[np.ndarray, int]:
    """Samples (T,), float32, and their rate in Hz.

    Raises:
        MissingPackageError: There is no espeak-ng.
        DataError: It does not speak this text in this manner.
    """
    with _STARTING:
        speaker = _speaker()
    return speaker(text, manner)


_STARTING = threading.Lock()  # the library is started once


@cache
def _speaker() -> Callable[[str, Manner], tuple[np.ndarray, int]]:
    return _Library() if shutil.which("espeak-ng") is None else _by_program


def _by_program(text: str, manner: Manner) -> tuple[np.ndarray, int]:
    import soundfile

    options = {"-v": manner.voice, "-s": manner.speed, "-p": manner.pitch, "-g": manner.gap}
    words = [word for name, value in options.items() for word in (name, str(value))]
    done = subprocess.run(["espeak-ng", *words, "--stdout", "--", text], capture_output=True, check=False)
    try:
        samples, rate = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
    except (soundfile.SoundFileError, RuntimeError) as error:
        found = " ".join(done.stderr.decode(errors="replace").split()) or str(error)
        raise DataError(f"espeak-ng: expected speech by {manner.voice}, found: {found}") from error
    return samples, rate


class _Library:
    """The library; it has one state for a process, so that one text is spoken at a time."""

    def __init__(self) -> None:
        try:
            loader = importlib.import_module("espeakng_loader")
        except ImportError as error:
            raise MissingPackageError(
                "espeak-ng: expected the program or the package espeakng-loader, found neither: apt install espeak-ng, "
                "or pip install espeakng-loader"
            ) from error
        self.lock = threading.Lock()
        self.heard: list[np.ndarray] = []
        self.library: Any = ctypes.CDLL(loader.get_library_path())
        self.callback = CALLBACK(self._hear)  # kept, since the library holds no reference to it
        self.rate = self.library.espeak_Initialize(SYNCHRONOUS_RETRIEVAL, 0, str(loader.get_data_path()).encode(), 0)
        if self.rate <= 0:
            raise DataError(f"{loader.get_library_path()}: expected to start espeak-ng, found status {self.rate}")
        self.library.espeak_SetSynthCallback(self.callback)

    def _hear(self, samples, count, events) -> int:
        if samples and count > 0:
            self.heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def __call__(self, text: str, manner: Manner) -> tuple[np.ndarray, int]:
        with self.lock:
            self.heard.clear()
            if self.library.espeak_SetVoiceByName(manner.voice.encode()):
                raise DataError(f"espeak-ng: expected a voice that it has, found {manner.voice!r}")
            for parameter, value in ((RATE, manner.speed), (PITCH, manner.pitch), (WORD_GAP, manner.gap)):
                self.library.espeak_SetParameter(parameter, value, 0)
            encoded = text.encode()
            self.library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 1, 0, CHARS_UTF8, None, None)
            if not self.heard:
                raise DataError(f"espeak-ng: expected speech by {manner.voice}, found none")
            return np.concatenate(self.heard).astype(np.float32) / 32768, self.rate
