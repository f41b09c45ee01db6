"""Connected digits of one voice for speech synthesis, with the duration of every letter, by espeak-ng."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from espnet2.interface.errors import OptionError
from espnet2.recipe.corpora.digits import FS, sentence
from espnet2.recipe.corpora.espeak import Aligned, Manner, speak_aligned
from espnet2.recipe.data_dir import DataDir
from espnet2.recipe.files import write_table
from espnet2.utils.atomic import write_atomically

VOICE = "en-us+m3"
SETS = {"train": 480, "valid": 24, "test": 40}
SPEEDS = (125, 140, 155)  # words per minute
SILENCE = 0.08  # seconds behind the last word
PEAK = 0.5


def make_digits_tts(
    audio: Path | str, data: Path | str, hop: int = 256, seed: int = 0, counts: dict[str, int] | None = None
) -> None:
    """Write recordings below `audio`, and data directories `train`, `valid` and `test` below `data`.

    A data directory has `durations`, too: the frames of `hop` samples of each letter, blank, and of the end.

    Raises:
        OptionError: An unknown set, or no utterances.
        MissingPackageError: espeak-ng is not installed.
    """
    wanted = {**SETS, **(counts or {})}
    for name, count in wanted.items():
        if name not in SETS or count < 1:
            raise OptionError(f"counts: expected at least one of {', '.join(SETS)}, found {name}={count}")
    for name, count in wanted.items():
        wavs, texts, durations = {}, {}, {}
        for index in range(count):
            rng = random.Random(f"{seed} tts {name} {index}")
            key, text = f"{name}-{index:05}", sentence(rng)
            spoken = speak_aligned(text, Manner(VOICE, rng.choice(SPEEDS), rng.randint(40, 60), rng.randint(0, 3)))
            samples, frames = recording(text, spoken, hop)
            wavs[key] = str(_written(samples, Path(audio) / f"seed{seed}" / name / f"{key}.flac"))
            texts[key], durations[key] = text, " ".join(map(str, frames))
        tables = {"text": texts, "utt2spk": dict.fromkeys(wavs, VOICE)}
        DataDir(Path(), wavs, tables).write(Path(data) / name)
        write_table(Path(data) / name / "durations", durations)


def recording(text: str, spoken: Aligned, hop: int) -> tuple[np.ndarray, list[int]]:
    """Return samples at `FS` Hz, and the frames of each character and of the end; a frame more than whole hops."""
    import soxr

    loud = np.flatnonzero(np.abs(spoken.samples) > 1e-3)
    end = int(loud[-1]) + 1 if len(loud) else len(spoken.samples)
    silence = np.zeros(round(SILENCE * spoken.rate), np.float32)
    samples = soxr.resample(np.concatenate([spoken.samples[:end], silence]), spoken.rate, FS, quality="HQ")
    places = np.round(np.array([*starts(text.split(" "), spoken.words, end), end]) * FS / spoken.rate / hop)
    frames = len(samples) // hop + 1
    bounds = [0, *np.minimum(places[1:], frames).astype(int), frames]
    return (samples * PEAK / np.abs(samples).max()).astype(np.float32), np.diff(bounds).tolist()


def starts(words: Sequence[str], phonemes: Sequence[Sequence[int]], end: int) -> list[float]:
    """Return where each letter of words begins, and the blank before each word but the first.

    The letters of a word share the time of its phonemes. Blanks last 10 % of the word before.
    """
    found: list[float] = []
    for place, word in enumerate(words):
        after = phonemes[place + 1][0] if place + 1 < len(words) else end
        times = [*phonemes[place], after]
        last = times[-1] - 0.1 * (times[-1] - times[0]) if place + 1 < len(words) else times[-1]
        parts = np.arange(len(word)) * (len(times) - 1) / len(word)
        found += np.minimum(np.interp(parts, np.arange(len(times)), times), last).tolist()
        found += [last] if place + 1 < len(words) else []
    return found


def _written(samples: np.ndarray, path: Path) -> Path:
    """Write a recording as FLAC, unless the file exists, and return its path."""
    import soundfile

    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path, "wb") as file:
            soundfile.write(file, samples, FS, format="FLAC", subtype="PCM_16")
    return path
