"""Synthesised connected digits: many voices, speeds and pitches, with noise, reproducible by seed."""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from espnet2.interface.errors import OptionError
from espnet2.recipe.corpora.espeak import Manner, speak
from espnet2.recipe.data_dir import DataDir
from espnet2.recipe.files import write_table

FS = 16000  # Hz
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LONGEST = 7  # digits
# The next digit is often this many steps ahead, modulo ten, so that a language model helps.
STEPS, STEP_WEIGHTS = range(10), (0.04, 0.2, 0.04, 0.3, 0.04, 0.04, 0.04, 0.2, 0.04, 0.06)
LANGUAGES = ("en-us", "en-gb", "en-gb-scotland", "en-029")


@dataclass(frozen=True)
class Cast:
    """Speakers of a set: variants of voices, and speeds in words per minute."""

    variants: Sequence[str]
    speeds: Sequence[int]


TRAIN = Cast(("m1", "m2", "m3", "m5", "m6", "m7", "f1", "f2", "f4"), (110, 125, 140, 155, 170, 185))
TEST = Cast(("m4", "f3"), (118, 133, 148, 163, 178))  # voices and speeds that are not in the training set
SETS = {"train": (TRAIN, 1600), "valid": (TRAIN, 120), "test": (TEST, 150)}
LM_LINES = 10_000


@dataclass(frozen=True)
class Utterance:
    """Text, manner of speaking, noise (signal-to-noise ratio in dB) and silences (seconds) of an utterance."""

    name: str
    speaker: str
    text: str
    manner: Manner
    snr: float
    low_passed: bool
    silences: tuple[float, float]
    level: float


def sentence(rng: random.Random) -> str:
    """Draw one to `LONGEST` digits."""
    digits = [rng.randrange(10)]
    for step in rng.choices(STEPS, STEP_WEIGHTS, k=rng.randrange(LONGEST)):
        digits.append((digits[-1] + step) % 10)
    return " ".join(WORDS[digit] for digit in digits)


def plan(name: str, cast: Cast, count: int, seed: int) -> list[Utterance]:
    """Draw the utterances of a set. They depend on name, cast and seed only; a smaller set is the start of a larger
    one."""
    utterances = []
    for index in range(count):
        rng = random.Random(f"{seed} {name} {index}")
        voice = f"{LANGUAGES[index % len(LANGUAGES)]}+{rng.choice(cast.variants)}"
        speaker = voice.replace("+", "_")
        utterances.append(
            Utterance(
                name=f"{speaker}-{name}-{index:05}",
                speaker=speaker,
                text=sentence(rng),
                manner=Manner(voice, rng.choice(cast.speeds), rng.randint(30, 70), rng.randint(0, 6)),
                snr=rng.uniform(20, 40),
                low_passed=rng.random() < 0.5,
                silences=(rng.uniform(0.1, 0.35), rng.uniform(0.1, 0.35)),
                level=rng.uniform(0.2, 0.8),
            )
        )
    return sorted(utterances, key=lambda utterance: utterance.name)


def render(utterance: Utterance) -> np.ndarray:
    """Synthesise an utterance with its silences and noise: samples (T,), float32 at `FS` Hz."""
    import soxr

    speech, rate = speak(utterance.text, utterance.manner)
    speech = soxr.resample(_without_silence(speech), rate, FS, quality="HQ")
    before, after = (round(seconds * FS) for seconds in utterance.silences)
    padded = np.pad(speech, (before, after))
    rng = np.random.default_rng(zlib.crc32(utterance.name.encode()))
    noise: np.ndarray = rng.standard_normal(len(padded), np.float32)
    if utterance.low_passed:
        noise = np.convolve(noise, np.ones(8, np.float32) / 8, mode="same")
    power = float(np.mean(speech**2)) / max(float(np.mean(noise**2)), 1e-12)
    mixed = padded + noise * np.sqrt(power / 10 ** (utterance.snr / 10))
    return (mixed * utterance.level / np.abs(mixed).max()).astype(np.float32)


def _without_silence(samples: np.ndarray) -> np.ndarray:
    """Remove the silence that espeak-ng adds at the end."""
    loud = np.flatnonzero(np.abs(samples) > 1e-3)
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples


def write_recording(utterance: Utterance, path: Path) -> None:
    """Write an utterance as FLAC, atomically, unless the file exists."""
    import soundfile

    if path.exists():
        return
    partial = path.with_name(f"{path.name}.partial")
    soundfile.write(partial, render(utterance), FS, format="FLAC", subtype="PCM_16")
    os.replace(partial, path)


def make_digits(
    audio: Path | str, data: Path | str, nj: int = 2, seed: int = 0, counts: dict[str, int] | None = None
) -> None:
    """Write recordings below `audio/seed<seed>`, and data directories `train`, `valid`, `test` and `lm_train` below
    `data`.

    Existing recordings are kept. `counts` overrides the number of utterances of `SETS`, and of lines of `lm_train`.

    Raises:
        OptionError: An unknown set, or no utterances.
        MissingPackageError: espeak-ng is not installed.
    """
    wanted = {**{name: count for name, (_, count) in SETS.items()}, "lm_train": LM_LINES, **(counts or {})}
    for name, count in wanted.items():
        if name not in (*SETS, "lm_train") or count < 1:
            raise OptionError(
                f"counts: expected at least one of {', '.join((*SETS, 'lm_train'))}, found {name}={count}"
            )
    for name, (cast, _) in SETS.items():
        utterances = plan(name, cast, wanted[name], seed)
        paths = [Path(audio) / f"seed{seed}" / name / f"{utterance.name}.flac" for utterance in utterances]
        _render_all(utterances, paths, nj)
        _data_dir(utterances, paths).write(Path(data) / name)
    rng = random.Random(f"{seed} lm_train")
    write_table(
        Path(data) / "lm_train" / "text", {f"lm-{index:05}": sentence(rng) for index in range(wanted["lm_train"])}
    )


def _render_all(utterances: Sequence[Utterance], paths: Sequence[Path], nj: int) -> None:
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(nj) as pool:  # espeak-ng, resampling and FLAC release Python's lock
        written = pool.map(write_recording, utterances, paths)
        for _ in tqdm(written, total=len(paths), desc=paths[0].parent.name, unit="utt", disable=None):
            pass


def _data_dir(utterances: Iterable[Utterance], paths: Iterable[Path]) -> DataDir:
    listed = list(zip(utterances, paths, strict=True))
    return DataDir(
        Path(),
        {utterance.name: str(path) for utterance, path in listed},
        {
            "text": {utterance.name: utterance.text for utterance, _ in listed},
            "utt2spk": {utterance.name: utterance.speaker for utterance, _ in listed},
        },
    )
