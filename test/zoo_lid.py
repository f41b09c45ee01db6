"""Rows of language identifiers: whole models; their parts are those of speaker models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo_data import Config, Row
from zoo_rows import SAMPLES, SPEECH
from zoo_spk import TASK as SPEAKERS

LANGUAGES = ("deu", "abk", "zul", "eng", "jpn", "fra", "swe")  # as many as that model has speakers


@dataclass(frozen=True)
class Languages:
    """A file of languages and their utterances."""

    names: tuple[str, ...]

    def write(self, directory: Path) -> Path:
        path = directory / "lang2utt"
        path.write_text("".join(f"{name} utterance\n" for name in self.names))
        return path


_KEYS = {
    **{key: value for key, value in SPEAKERS.keys.items() if key != "spk_num"},
    "model": "espnet",
    "lang_num": len(LANGUAGES),
    "lang2utt": Languages(LANGUAGES),
    "loss": "aamsoftmax_sc_topk",
    "loss_conf": {"K": 2, "k_top": 3},
    "encoder_condition": "xvector",  # without effect
}
TASK = Config("espnet2.tasks.lid:LIDTask", _KEYS)
ROWS = [Row("lid-task", "language_identifier", TASK, SPEECH, SAMPLES)]
SAME_GRAPH = {"lid-task"}  # the round trip exports it
ROUND_TRIP = {"lid": TASK}
