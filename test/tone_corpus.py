"""A corpus of two classes that are tones of two frequencies, in lists as recipes have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

CLASSES = ("low", "high")
UTTERANCES = {"train": 8, "valid": 2}
# Options of training that takes seconds.
LOOP: dict[str, Any] = {"batch_type": "unsorted", "batch_size": 4, "num_workers": 0, "num_att_plot": 0}
LOOP |= {"use_tensorboard": False, "use_matplotlib": False, "max_epoch": 8, "optim": "adam"}
LOOP |= {"optim_conf": {"lr": 0.02}, "best_model_criterion": [["valid", "loss", "min"]]}


def write(directory: Path, names: tuple[str, str] = CLASSES) -> None:
    """Write `train` and `valid`, each with wav.scp, labels and shape, the classes by the name `names`."""
    random, time = np.random.default_rng(0), np.arange(8000) / 16000
    for phase, count in UTTERANCES.items():
        place = directory / phase
        place.mkdir()
        lines: dict[str, list[str]] = {"wav.scp": [], "labels": [], "shape": []}
        for index in range(count):
            tone = np.sin(2 * np.pi * (300, 3000)[index % 2] * time)
            soundfile.write(place / f"{index}.wav", 0.1 * tone + 0.01 * random.standard_normal(8000), 16000)
            lines["wav.scp"].append(f"{phase}{index} {place}/{index}.wav\n")
            lines["labels"].append(f"{phase}{index} {names[index % 2]}\n")
            lines["shape"].append(f"{phase}{index} 8000\n")
        for file, texts in lines.items():
            (place / file).write_text("".join(texts))


def data(directory: Path, field: str, kind: str = "text") -> dict[str, Any]:
    """Options of training that name the lists; the classes are the field `field` of this kind."""
    options: dict[str, Any] = {}
    for phase in UTTERANCES:
        place = directory / phase
        fields = [[f"{place}/wav.scp", "speech", "sound"], [f"{place}/labels", field, kind]]
        options |= {f"{phase}_data_path_and_name_and_type": fields, f"{phase}_shape_file": [f"{place}/shape"]}
    return options
