"""A tiny corpus, and for each family the options of a training on it that takes a second or two."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile

sys.path.append(str(Path(__file__).resolve().parents[2] / "test"))

import tiny_tts

COUNTS = {"train": 4, "valid": 2}  # utterances
RATE = 16000  # Hz
LETTERS, TRANSLATED = ("abc", "ba", "cab", "ac"), ("uvw", "vu", "wuv", "uw")
LOOP: dict[str, Any] = {
    **{"batch_type": "unsorted", "batch_size": 2, "num_workers": 0, "num_att_plot": 0, "max_epoch": 3},
    **{"use_matplotlib": False, "use_tensorboard": False, "keep_nbest_models": [1], "optim": "adam"},
    **{"optim_conf": {"lr": 0.01}, "best_model_criterion": [["valid", "loss", "min"]], "resume": True},
}
CRITERION = {"best_model_criterion": [["train", "total_count", "max"]]}  # of models with a discriminator


class Training(NamedTuple):
    """Values of each field, which utterances have in turn, their type, and keys of the configuration, and of lists."""

    fields: Mapping[str, Sequence[str]]
    kind: str = "text"
    keys: Mapping[str, Any] = {}
    lists: Sequence[str] = ()


LANGUAGES = ("deu", "abk", "zul", "eng", "jpn", "fra", "swe")  # of zoo_lid.py, and as many speakers
NORMALIZED = ("normalize", "pitch_normalize", "energy_normalize")
OF_FRAMES = ("pitch_extract_conf", "energy_extract_conf")
_PLAIN: dict[str, Any] = {"preprocessor_conf": {}}  # whose defaults would win over other options
_SHORT = {**_PLAIN, "target_duration": 0.2}
_MANY_TASKS = {"text_prev": ("<na>", "ab"), "text_ctc": LETTERS}
TRAININGS: Mapping[str, Training] = {
    "asr": Training({"text": LETTERS}),
    "asr_transducer": Training({"text": LETTERS}),
    "s2t": Training(
        {"text": tuple(f"<eng><asr><notimestamps>{text}" for text in LETTERS), **_MANY_TASKS},
    ),
    "st": Training({"text": TRANSLATED, "src_text": LETTERS}, keys=_PLAIN),
    "mt": Training({"text": TRANSLATED, "src_text": LETTERS}),
    "slu": Training({"text": LETTERS, "transcript": ("play a", "g")}),
    "spk": Training({"spk_labels": LANGUAGES[:2]}, keys=_SHORT, lists=("spk2utt",)),
    "lid": Training({"lid_labels": LANGUAGES[:2]}, keys=_SHORT, lists=("lang2utt",)),
    "cls": Training({"label": ("cat", "dog")}),
    "asvspoof": Training({"label": ("0", "1")}, "text_int"),
    "lm": Training({"text": LETTERS}),
    "tts": Training({}, keys={**tiny_tts.FASTSPEECH2, **dict.fromkeys(NORMALIZED)}),
    "gan_tts": Training({}, keys={**tiny_tts.VITS, **CRITERION}),
    "tts2": Training({}, keys={name: tiny_tts.FASTSPEECH2[name] for name in OF_FRAMES}),
}


def write_recordings(directory: Path) -> dict[str, list[str]]:
    """Write recordings of noise of a quarter of a second and more; returns lines `UTTERANCE PATH` of each phase."""
    random = np.random.default_rng(0)
    lines: dict[str, list[str]] = {}
    for phase, count in COUNTS.items():
        for number in range(count):
            path = directory / f"{phase}{number}.wav"
            soundfile.write(path, random.normal(0, 0.1, RATE // 4 + 800 * number), RATE)
            lines.setdefault(phase, []).append(f"{path.stem} {path}\n")
    return lines


def training_keys(directory: Path, task: str) -> dict[str, Any]:
    """Write the lists of a family's training to a new directory; returns keys of the configuration that name them."""
    directory.mkdir()
    training, keys = TRAININGS[task], dict(LOOP)
    if "tts" in task:
        keys |= {**training.keys, **_spoken(directory, task)}
        return {**keys, **{name: LOOP[name] for name in ("max_epoch", "resume")}}
    speech = {} if task in ("mt", "lm") else write_recordings(directory)
    for phase, count in COUNTS.items():
        for field, values in training.fields.items():
            lines = [f"{phase}{number} {values[number % len(values)]}\n" for number in range(count)]
            (directory / f"{phase}_{field}").write_text("".join(lines))
        fields = [[f"{directory}/{phase}_{field}", field, training.kind] for field in training.fields]
        if speech:
            (directory / f"{phase}_wav.scp").write_text("".join(speech[phase]))
            fields.insert(0, [f"{directory}/{phase}_wav.scp", "speech", "sound"])
        keys |= {f"{phase}_data_path_and_name_and_type": fields, f"{phase}_shape_file": [fields[-1][0]]}
    for name in ("spk2utt", "lang2utt"):
        (directory / name).write_text("".join(f"{language} utterance\n" for language in LANGUAGES))
    return {**keys, **{name: str(directory / name) for name in training.lists}, **training.keys}


def _spoken(directory: Path, task: str) -> dict[str, Any]:
    """Lists of synthesis; units are those of as many frames as the tokens last."""
    keys = tiny_tts.make_corpus(directory, durations=task != "gan_tts")
    if task != "tts2":
        return keys
    for phase in COUNTS:
        lines = (line.split() for line in (directory / phase / "durations").read_text().splitlines())
        units = (
            f"{name} {' '.join(str(1 + place % 8) for place in range(sum(map(int, rest))))}\n" for name, *rest in lines
        )
        (directory / phase / "units").write_text("".join(units))
        keys[f"{phase}_data_path_and_name_and_type"].append(
            [f"{directory}/{phase}/units", "discrete_speech", "text_int"]
        )
    del keys["token_list"]
    return keys
