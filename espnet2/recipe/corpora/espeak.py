"""Speech synthesis by espeak-ng: the library of PyPI's `espeakng-loader`, or else the system's."""

from __future__ import annotations

import _ctypes
import ctypes
import ctypes.util
import importlib
import threading
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from espnet2.interface.errors import DataError, MissingPackageError

# Constants of speak_lib.h.
SYNCHRONOUS_RETRIEVAL = 2
RATE, PITCH, WORD_GAP = 1, 3, 7
CHARS_UTF8 = 1
PHONEME_EVENTS = 1  # option of the start
LIST_END, WORD, PHONEME = 0, 1, 7  # types of events


class _Event(ctypes.Structure):
    """`espeak_EVENT`."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Voice(ctypes.Structure):
    """`espeak_VOICE`. Each of `languages` is a byte, its priority, and a name that ends with a zero byte; a zero ends
    the list."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.POINTER(ctypes.c_char)),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class Manner:
    """Manner of speaking.

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


@dataclass(frozen=True)
class Aligned:
    """Speech with its times.

    Args:
        samples: (T,) float32.
        rate: In Hz.
        words: Of each word the first samples of its phonemes.
    """

    samples: np.ndarray
    rate: int
    words: list[list[int]]


def speak(text: str, manner: Manner) -> tuple[np.ndarray, int]:
    """Synthesise a text: samples (T,), float32, and their rate in Hz; raises as `speak_aligned` does."""
    spoken = speak_aligned(text, manner)
    return spoken.samples, spoken.rate


def speak_aligned(text: str, manner: Manner) -> Aligned:
    """Synthesise a text, and tell when its phonemes are spoken.

    Raises:
        MissingPackageError: espeak-ng is not installed.
        DataError: It cannot speak this text in this manner.
    """
    with _ONE_AT_A_TIME, closing(_Synthesizer(*_find())) as synthesizer:
        return synthesizer(text, manner)


_ONE_AT_A_TIME = threading.Lock()  # the library has global state


def _find() -> tuple[str, bytes | None]:
    """Return the paths of the library and of its data; None: the library's default."""
    try:
        loader = importlib.import_module("espeakng_loader")
    except ImportError as error:
        system = ctypes.util.find_library("espeak-ng")
        if system is None:
            raise MissingPackageError(
                "espeak-ng: expected the package espeakng-loader, found none; pip install espeakng-loader"
            ) from error
        return system, None
    return str(loader.get_library_path()), str(loader.get_data_path()).encode()


class _Synthesizer:
    """A freshly loaded library: its output depends on what it has spoken before, and corpora must be reproducible.

    Loading takes 1 ms.
    """

    def __init__(self, library: str, data: bytes | None) -> None:
        self.collected: list[np.ndarray] = []
        self.words: list[list[int]] = []
        self.library: Any = ctypes.CDLL(library)
        self.callback = CALLBACK(self._collect)  # kept alive, since the library holds no reference to it
        self.rate = self.library.espeak_Initialize(SYNCHRONOUS_RETRIEVAL, 0, data, PHONEME_EVENTS)
        if self.rate <= 0:
            raise DataError(f"{library}: expected to start espeak-ng, found status {self.rate}")
        self.library.espeak_SetSynthCallback(self.callback)
        self.voices = self._voices()

    def close(self) -> None:
        """End, and unload the library."""
        self.library.espeak_Terminate()
        _ctypes.dlclose(self.library._handle)

    def _collect(self, samples, count, events) -> int:
        if samples and count > 0:
            self.collected.append(np.ctypeslib.as_array(samples, (count,)).copy())
        place = 0
        while events[place].type != LIST_END:
            event = events[place]
            if event.type == WORD:
                self.words.append([])
            elif event.type == PHONEME and self.words and not event.id.startswith(b"_"):  # those are pauses
                self.words[-1].append(event.sample)
            place += 1
        return 0

    def _voices(self) -> dict[str, bytes]:
        """Language → the installed voice of highest priority."""
        self.library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        found: dict[str, tuple[int, bytes]] = {}
        for voice in _until_null(self.library.espeak_ListVoices(None)):
            for priority, language in _languages(voice.contents.languages):
                found[language] = min(found.get(language, (256, b"")), (priority, voice.contents.identifier))
        return {language: identifier for language, (_, identifier) in found.items()}

    def _choose(self, name: str) -> None:
        """Select a voice. The library silently ignores a missing variant."""
        language, _, variant = name.partition("+")
        wanted = self.voices.get(language.lower(), b"") + (f"+{variant}".encode() if variant else b"")
        if language.lower() in self.voices and self.library.espeak_SetVoiceByName(wanted) == 0:
            self.library.espeak_GetCurrentVoice.restype = ctypes.POINTER(_Voice)
            if self.library.espeak_GetCurrentVoice().contents.identifier == wanted:
                return
        raise DataError(f"espeak-ng: expected an installed voice, found {name!r}")

    def __call__(self, text: str, manner: Manner) -> Aligned:
        self.collected.clear()
        self.words.clear()
        self._choose(manner.voice)
        for parameter, value in ((RATE, manner.speed), (PITCH, manner.pitch), (WORD_GAP, manner.gap)):
            self.library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode()
        self.library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 1, 0, CHARS_UTF8, None, None)
        if not self.collected:
            raise DataError(f"espeak-ng: expected speech by {manner.voice}, found none")
        return Aligned(np.concatenate(self.collected).astype(np.float32) / 32768, self.rate, list(self.words))


def _until_null(pointers: Any) -> list[Any]:
    found: list[Any] = []
    while pointers[len(found)]:
        found.append(pointers[len(found)])
    return found


def _languages(data: Any) -> list[tuple[int, str]]:
    """Priority and name of each language of a voice."""
    found, place = [], 0
    while data[place] != b"\0":
        name = ctypes.string_at(ctypes.addressof(data.contents) + place + 1)
        found.append((data[place][0], name.decode()))
        place += len(name) + 2
    return found
