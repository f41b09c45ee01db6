"""The table of tasks: where the two halves of each family are, and which options name the files of its models.

A family has a torch-free half, a `Family` of `espnet2.runtime`, and a half on PyTorch's side, a class derived from
`AbsTask`. Both are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One task.

    Attributes:
        noun: Name of its models in help texts and messages.
        task: Class derived from `AbsTask`, as `module:Name`.
        config: Option that names a config.yaml of this task.
        weights: Option that names the weights.
        family: Object derived from `Family`, as `module:Name`; "" for models that only go with those of other tasks.
        companions: Tasks whose models may go with one of this task.
        files: Options that name other files of a model, with their help.
        packed: Names of the options in packed models of upstream, where they are others.
        config_name: Name of a config beside the weights, where none is named.
    """

    noun: str
    task: str
    config: str
    weights: str
    family: str = ""
    companions: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    packed: Mapping[str, str] = field(default_factory=dict)
    config_name: str = "config.yaml"

    def options(self) -> dict[str, str]:
        """Options of the files, with their help."""
        return {self.config: f"config.yaml of the {self.noun}", self.weights: f"weights of the {self.noun}"}


_NGRAM = {"ngram_file": "KenLM n-gram model (.arpa or .bin)"}
_RECOGNITION = "espnet2.runtime.families.asr:ASR"
_LM = "espnet2.tasks.lm:LMTask"

FAMILIES: Mapping[str, Row] = {
    "asr": Row(
        "recogniser",
        "espnet2.tasks.asr:ASRTask",
        "asr_train_config",
        "asr_model_file",
        _RECOGNITION,
        companions=("lm",),
        files=_NGRAM,
    ),
    "asr_transducer": Row(
        "recogniser",
        "espnet2.tasks.asr_transducer:ASRTransducerTask",
        "asr_train_config",
        "asr_model_file",
        _RECOGNITION,
        companions=("lm",),
        files=_NGRAM,
    ),
    "s2t": Row(
        "model of speech to text",
        "espnet2.tasks.s2t:S2TTask",
        "s2t_train_config",
        "s2t_model_file",
        "espnet2.runtime.families.s2t:S2T",
        companions=("lm",),
        files=_NGRAM,
    ),
    "s2t_ctc": Row(
        "model of speech to text",
        "espnet2.tasks.s2t_ctc:S2TTask",
        "s2t_train_config",
        "s2t_model_file",
        "espnet2.runtime.families.s2t_ctc:S2T_CTC",
        companions=("lm",),
        files=_NGRAM,
    ),
    "st": Row(
        "speech translator",
        "espnet2.tasks.st:STTask",
        "st_train_config",
        "st_model_file",
        "espnet2.runtime.families.st:ST",
        companions=("lm", "src_lm"),
        files={**_NGRAM, "src_ngram_file": "KenLM n-gram model of the source language (.arpa or .bin)"},
    ),
    "mt": Row(
        "translator of texts",
        "espnet2.tasks.mt:MTTask",
        "mt_train_config",
        "mt_model_file",
        "espnet2.runtime.families.mt:MT",
        companions=("lm",),
        files=_NGRAM,
    ),
    "slu": Row(
        "model of spoken language understanding",
        "espnet2.tasks.slu:SLUTask",
        "slu_train_config",
        "slu_model_file",
        "espnet2.runtime.families.slu:SLU",
        companions=("lm",),
        files=_NGRAM,
    ),
    "spk": Row(
        "speaker model",
        "espnet2.tasks.spk:SpeakerTask",
        "spk_train_config",
        "spk_model_file",
        "espnet2.runtime.families.spk:SPK",
        packed={"spk_train_config": "train_config", "spk_model_file": "model_file"},
    ),
    "lid": Row(
        "language identifier",
        "espnet2.tasks.lid:LIDTask",
        "lid_train_config",
        "lid_model_file",
        "espnet2.runtime.families.lid:LID",
        files={"lang2utt": "languages of a language identifier, lines 'LANGUAGE ...', instead of its config's"},
        packed={"lid_train_config": "train_config", "lid_model_file": "model_file"},
    ),
    "cls": Row(
        "classifier",
        "espnet2.tasks.cls:CLSTask",
        "cls_train_config",
        "cls_model_file",
        "espnet2.runtime.families.cls:CLS",
        packed={"cls_train_config": "classification_train_config", "cls_model_file": "classification_model_file"},
    ),
    "asvspoof": Row(
        "detector of spoofed speech",
        "espnet2.tasks.asvspoof:ASVSpoofTask",
        "asvspoof_train_config",
        "asvspoof_model_file",
        "espnet2.runtime.families.asvspoof:ASVSPOOF",
    ),
    "tts": Row(
        "synthesiser",
        "espnet2.tasks.tts:TTSTask",
        "tts_train_config",
        "tts_model_file",
        "espnet2.runtime.families.tts:TTS",
        companions=("vocoder",),
        packed={"tts_train_config": "train_config", "tts_model_file": "model_file"},
    ),
    "gan_tts": Row(
        "synthesiser",
        "espnet2.tasks.gan_tts:GANTTSTask",
        "tts_train_config",
        "tts_model_file",
        "espnet2.runtime.families.tts:TTS",
        packed={"tts_train_config": "train_config", "tts_model_file": "model_file"},
    ),
    "tts2": Row(
        "synthesiser",
        "espnet2.tasks.tts2:TTS2Task",
        "tts_train_config",
        "tts_model_file",
        "espnet2.runtime.families.tts:TTS",
        companions=("vocoder",),
        packed={"tts_train_config": "train_config", "tts_model_file": "model_file"},
    ),
    "vocoder": Row(
        "vocoder",
        "espnet2.tasks.vocoder:VocoderTask",
        "vocoder_config",
        "vocoder_file",
        "espnet2.runtime.families.vocoder:VOCODER",
        config_name="config.yml",
    ),
    "lm": Row("language model", _LM, "lm_train_config", "lm_file"),
    "src_lm": Row("language model of the source language", _LM, "src_lm_train_config", "src_lm_file"),
}


def family_of(task: str) -> Any:
    """The torch-free half of a task's family; raises `KeyError` for a task that has none."""
    if not FAMILIES[task].family:
        raise KeyError(task)
    return load(FAMILIES[task].family)


def task_class(task: str) -> Any:
    """The half of a task on PyTorch's side; raises `KeyError` for an unknown task."""
    return load(FAMILIES[task].task)


def with_bundles() -> list[str]:
    """Names of the tasks whose models are exported to bundles of their own."""
    return [name for name, row in FAMILIES.items() if row.family]


def rows_of(task: str) -> Iterator[Row]:
    """The row of a task, then those of its companions."""
    yield FAMILIES[task]
    yield from (FAMILIES[name] for name in FAMILIES[task].companions)


def kind_of(task: str) -> str:
    """The first task whose models are of the same class: `lm` of `src_lm`, else the task itself."""
    return next(name for name, row in FAMILIES.items() if row.task == FAMILIES[task].task)


def load(target: str) -> Any:
    """Import the object that `module:Name` names."""
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)
