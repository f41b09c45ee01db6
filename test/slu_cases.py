"""Whole decodes of tiny models of spoken language understanding, with and without transcripts.

Run by upstream (`tools/make_slu_golden.py`) and by this project, so nothing here knows either.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zoo_slu
import zoo_training_calls
from zoo_calls import attribute, build
from zoo_data import Array, Config, Row, drawn, drawn_weights
from zoo_rows import MODEL

SPEECH2UNDERSTAND = "espnet2.bin.slu_inference:Speech2Understand"
RATE = 16000
SCALES = (2.0, 4.0, 8.0)  # how far apart the scores of tokens are
IMPOSSIBLE = -1e8  # score of a hypothesis that no alignment of CTC has
STORED = 14  # cases in the golden, the first ones
_BLOCKS = {"output_size": MODEL, "attention_heads": 2, "linear_units": 24, "num_blocks": 1}
_RECURRENT = {"decoder": "rnn", "decoder_conf": {"hidden_size": 12, "att_conf": {"adim": 8, "aconv_chans": 2}}}
_HUGGING_FACE = {"model_name_or_path": zoo_slu.BERT}
MODELS: dict[str, dict[str, Any]] = {
    "deliberation": zoo_slu.DELIBERATION,
    "plain": {**zoo_slu.PLAIN, "postencoder": "transformer", "postencoder_conf": _BLOCKS, "two_pass": True},
    "transcript": {
        **zoo_slu.DELIBERATION,
        **_RECURRENT,
        "postencoder": None,
        "postencoder_conf": {},
        "deliberationencoder": None,
        "deliberationencoder_conf": {},
    },
    "recurrent": {**zoo_slu.PLAIN, **_RECURRENT, "encoder": "conformer", "pre_postencoder_norm": True},
    "conformer": {
        **zoo_slu.DELIBERATION,
        "postencoder": "transformer",
        "postencoder_conf": _BLOCKS,
        "deliberationencoder": "conformer",
        "deliberationencoder_conf": {**_BLOCKS, "cnn_module_kernel": 5},
        **_RECURRENT,
    },
    "pretrained": {
        **zoo_slu.DELIBERATION,
        "postencoder": None,
        "postencoder_conf": {},
        "deliberationencoder": "hugging_face_transformers",
        "deliberationencoder_conf": _HUGGING_FACE,
    },
    "ctc": {**zoo_slu.DELIBERATION, "model_conf": {"ctc_weight": 1.0}},
    "pretrained-post": {
        **zoo_slu.PLAIN,
        "postencoder": "hugging_face_transformers",
        "postencoder_conf": {**_HUGGING_FACE, "length_adaptor_n_layers": 1},
    },
    "transducer": {
        **zoo_slu.DELIBERATION,
        "decoder": "transducer",
        "decoder_conf": {"hidden_size": 12},
        "joint_net_conf": {"joint_space_size": 10},
    },
}
NEEDS_PACKAGE = ("transducer",)  # that upstream has for losses
TRAINED = 4  # cases of training in the golden, the first ones
_SPOKEN = (
    Array("speech", ("n",)),
    Array("text", (5,), below=len(zoo_slu.TOKENS) - 1),
    Array("transcript", (4,), below=len(zoo_slu.TRANSCRIPT_TOKENS) - 1),
)
_EVEN = (2600, 2600, 2600)  # samples; padding changes what upstream makes of an utterance


@dataclass(frozen=True)
class Case:
    """A decode: the model, its scale, seconds of speech, options of the constructor, and the transcript."""

    name: str
    model: str
    scale: float
    seconds: float
    options: dict[str, Any] = field(default_factory=dict)
    transcript: list[int] = field(default_factory=list)


def cases(
    count: int, models: tuple[str, ...] = tuple(name for name in MODELS if name not in NEEDS_PACKAGE)
) -> list[Case]:
    """The first `count` cases of these models, in turn."""
    random = np.random.RandomState(0)
    return [_case(number, models[number % len(models)], random) for number in range(count)]


def _case(number: int, model: str, random: np.random.RandomState) -> Case:
    def of(*values: Any) -> Any:
        return values[random.randint(len(values))]

    options = {
        "beam_size": of(1, 2, 5),
        "ctc_weight": of(0.0, 0.3, 0.5, 1.0),
        "nbest": of(1, 3),
        "penalty": of(0.0, 0.4),
        "maxlenratio": of(0.0, 0.6, -9),
        "minlenratio": of(0.0, 0.0, 0.1),
        "normalize_length": of(False, False, True),
    }
    if model == "ctc":
        options["ctc_weight"] = 1.0
    scale, seconds = of(*SCALES), of(0.1, 0.2, 0.4)
    transcript = random.randint(1, len(zoo_slu.TRANSCRIPT_TOKENS) - 1, of(1, 3, 12))
    return Case(f"{number}-{model}", model, scale, seconds, options, [int(token) for token in transcript])


def write(directory: Path, model: str) -> Path:
    """Write the configuration and the weights of a model, scale by scale; return the former."""
    directory.mkdir()
    built = build(Config(zoo_slu.TASK, MODELS[model]), directory)
    state = {key: value.numpy() for key, value in built.state_dict().items()}
    for scale in SCALES:
        named = drawn_weights({f"{scale}.{key}": value for key, value in state.items()})
        weights = {key: torch.from_numpy(np.asarray(named[f"{scale}.{key}"])) for key in state}
        for layer in ("decoder.output_layer", "decoder.output", "ctc.ctc_lo", "joint_network.lin_out"):
            if f"{layer}.weight" in weights:
                weights[f"{layer}.weight"] = weights[f"{layer}.weight"] * scale
        torch.save(weights, directory / f"{scale}.pth")
    return directory / "config.yaml"


def recogniser(case: Case, config: Path) -> Any:
    """The recogniser of a case."""
    weights = str(config.with_name(f"{case.scale}.pth"))
    return attribute(SPEECH2UNDERSTAND)(slu_train_config=str(config), slu_model_file=weights, **case.options)


def speech(case: Case) -> np.ndarray:
    """Samples."""
    return (0.1 * drawn(f"slu/{case.name}", (int(case.seconds * RATE),))).astype(np.float32)


def decoded(case: Case, recognise: Any) -> list[Any]:
    """The results of a case as JSON holds them, without those that no alignment with the frames has."""
    found = recognise(speech(case), torch.tensor(case.transcript))
    rows = [(*one[:3], [int(token) for token in one[3].yseq], round(float(one[3].score), 5)) for one in found]
    return json.loads(json.dumps([row for row in rows if row[-1] > IMPOSSIBLE]))


def difference(expected: list[Any], found: list[Any]) -> str:
    """Difference of two answers in words, "" where there is none: texts, tokens, order, scores by more than 1e-3."""
    if len(expected) != len(found):
        return f"{len(found)} results instead of {len(expected)}"
    for rank, (theirs, ours) in enumerate(zip(expected, found, strict=True), 1):
        if theirs[:-1] != ours[:-1] or abs(theirs[-1] - ours[-1]) > 1e-3:
            return f"{rank}: {ours} instead of {theirs}"
    return ""


def trainings(count: int, models: tuple[str, ...] = tuple(MODELS)) -> list[Row]:
    """The first `count` cases of training of these models, in turn, without dropout."""
    random = np.random.RandomState(1)
    return [_training(number, models[number % len(models)], random) for number in range(count)]


def _training(number: int, model: str, random: np.random.RandomState) -> Row:
    def of(*values: Any) -> Any:
        return values[random.randint(len(values))]

    keys = without_dropout(MODELS[model])
    options = {
        "ctc_weight": of(0.0, 0.3, 1.0) if model != "ctc" else 1.0,
        "lsm_weight": of(0.0, 0.1),
        "length_normalized_loss": of(True, False),
        "report_cer": of(True, False),
        "report_wer": of(True, False),
    }
    if of(True, False) and keys["postdecoder"] is None and options["ctc_weight"]:
        keys["encoder_conf"] |= {
            "num_blocks": 2,
            "interctc_layer_idx": [1],
            "interctc_use_conditioning": of(True, False),
        }
        options["interctc_weight"] = 0.4
    make = Config(zoo_slu.TASK, {**keys, "model_conf": options})
    return Row(f"{number}-{model}", "training", make, _SPOKEN, _EVEN)


def without_dropout(keys: dict[str, Any]) -> dict[str, Any]:
    """A copy of the keys of a model without dropout."""
    none = dict.fromkeys(("dropout_rate", "positional_dropout_rate", "attention_dropout_rate"), 0.0)
    decoding = dict.fromkeys(("dropout_rate", "positional_dropout_rate", "self_attention_dropout_rate"), 0.0)
    decoding["src_attention_dropout_rate"] = 0.0
    fitting = {"encoder": none, "postencoder": none, "deliberationencoder": none, "decoder": decoding}
    silent = {**keys, **{part: keys.get(part) for part in (*fitting, "postdecoder")}}
    for part, options in fitting.items():
        conf = dict(keys.get(f"{part}_conf") or {})
        if keys.get(part) in ("transformer", "conformer"):
            conf |= options
        silent[f"{part}_conf"] = {name: _silent(value) for name, value in conf.items()}
    silent["postdecoder_conf"] = {name: _silent(value) for name, value in keys.get("postdecoder_conf", {}).items()}
    return silent


def _silent(value: Any) -> Any:
    """A pretrained text model without dropout; other values as they are."""
    if value != zoo_slu.BERT:
        return value
    none = dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), 0.0)
    return dataclasses.replace(zoo_slu.BERT, keys={**zoo_slu.BERT.keys, **none})


def trained(row: Row, directory: Path) -> dict[str, Any]:
    """Statistics and gradients of a case of training, for all utterances as a batch."""
    directory.mkdir()
    return zoo_training_calls.measured(row, directory, range(len(row.lengths)))
