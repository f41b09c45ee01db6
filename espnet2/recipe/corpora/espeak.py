"""Speech by espeak-ng: Debian's program where it is on PATH, else the library of PyPI's `espeakng-loader`."""

from __future__ import annotations

import ctypes
import importlib
import io
import shutil
import subprocess
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
    return _speaker()(text, manner)


@cache
def _speaker() -> Callable[[str, Manner], tuple[np.ndarray, int]]:
    return _by_library() if shutil.which("espeak-ng") is None else _by_program


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


def _by_library() -> Callable[[str, Manner], tuple[np.ndarray, int]]:
    """The library as a function; it has one state, so that a process speaks one text at a time."""
    try:
        loader = importlib.import_module("espeakng_loader")
    except ImportError as error:
        raise MissingPackageError(
            "espeak-ng: expected the program or the package espeakng-loader, found neither: apt install espeak-ng, or "
            "pip install espeakng-loader"
        ) from error
    library: Any = ctypes.CDLL(loader.get_library_path())
    heard: list[np.ndarray] = []

    def hear(samples, count, events) -> int:
        if samples and count > 0:
            heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = CALLBACK(hear)
    rate = library.espeak_Initialize(SYNCHRONOUS_RETRIEVAL, 0, str(loader.get_data_path()).encode(), 0)
    if rate <= 0:
        raise DataError(f"{loader.get_library_path()}: expected to start espeak-ng, found status {rate}")
    library.espeak_SetSynthCallback(callback)

    def say(text: str, manner: Manner, keep: Any = callback) -> tuple[np.ndarray, int]:
        heard.clear()
        if library.espeak_SetVoiceByName(manner.voice.encode()):
            raise DataError(f"espeak-ng: expected a voice that it has, found {manner.voice!r}")
        for parameter, value in ((RATE, manner.speed), (PITCH, manner.pitch), (WORD_GAP, manner.gap)):
            library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode()
        library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 1, 0, CHARS_UTF8, None, None)
        if not heard:
            raise DataError(f"espeak-ng: expected speech by {manner.voice}, found none")
        return np.concatenate(heard).astype(np.float32) / 32768, rate

    return say
