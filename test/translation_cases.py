"""Whole decodes of tiny models that translate texts and speech, and recognise discrete units.

Run by upstream (`tools/make_translation_golden.py`) and by this project, so nothing here knows either.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zoo_mt
import zoo_st
from zoo_calls import attribute, build
from zoo_data import Config, drawn, drawn_weights

SHARPNESS = 4.0  # how far apart the scores of tokens are
STORED = 30  # cases in the golden, the first ones
LOSSES = ("mt-plain", "mt-units", "mt-patch", "st-ctc", "st-hier", "mdtrained", "mdtrained-speech", "trained-texts")
TEXTS = {zoo_mt.TASK: "espnet2.bin.mt_inference:Text2Text", zoo_st.TASK: "espnet2.bin.st_inference:Speech2Text"}
SHORT = {zoo_mt.TASK: "mt", zoo_st.TASK: "st"}
SEARCHED: dict[str, Config] = {**zoo_mt.DECODED, **zoo_st.DECODED}
MODELS: dict[str, Config] = {**SEARCHED, **zoo_st.FURTHER, "trained-texts": zoo_st.OF_TEXTS}
# Searches of the models of `zoo_st.FURTHER`.
WAYS: tuple[dict[str, Any], ...] = (
    {"beam_size": 2, "nbest": 2, "maxlenratio": -6, "ctc_weight": 0.3, "penalty": 0.2},
    {"beam_size": 3, "nbest": 2, "maxlenratio": 0.7, "ctc_weight": 0.6, "normalize_length": True},
)
WITH_CTC = ("mt-units", "mt-conformer", "mt-shorter", "st-hier")  # of the target language
TRAINED = "mdtrained"  # models that upstream trains, and cannot search
SHARP = ("output_layer.weight", "ctc_lo.weight", "decoder.output.weight")


@dataclass(frozen=True)
class Case:
    """A decode: the model, its input's length, and options of the constructor."""

    name: str
    model: str
    length: int
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def task(self) -> str:
        return MODELS[self.model].task


def _of(random: np.random.RandomState, *values: Any) -> Any:
    return values[random.randint(len(values))]


def cases(count: int) -> list[Case]:
    """The first `count` cases, of one model after the other."""
    random, names = np.random.RandomState(0), [name for name in SEARCHED if not name.startswith(TRAINED)]
    return [_case(str(number), names[number % len(names)], random) for number in range(count)]


def further_cases() -> list[Case]:
    """Cases of the models of `zoo_st.FURTHER`."""
    recognition = {"asr_beam_size": 2, "asr_ctc_weight": 0.3, "asr_nbest": 2, "asr_maxlenratio": -5}
    cases = []
    for model in zoo_st.FURTHER:
        for number, (way, length) in enumerate(zip(WAYS, (3100, 5200), strict=True)):
            options = {**way, **(recognition if model.startswith("md") else {})}
            if model == "st-transducer":
                options = {"beam_size": 2, "nbest": 1, "transducer_conf": {"search_type": ("default", "tsd")[number]}}
            cases.append(Case(f"{model}-{number}", model, length, options))
    return cases


def _case(number: str, model: str, random: np.random.RandomState) -> Case:
    options = {
        "beam_size": _of(random, 1, 2, 5),
        "nbest": _of(random, 1, 3),
        "penalty": _of(random, 0.0, 0.4),
        "maxlenratio": _of(random, 0.0, 0.7, -6),
        "ctc_weight": _of(random, 0.0, 0.3, 0.6) if model in WITH_CTC else 0.0,
    }
    if model.startswith("md"):
        options |= {
            "asr_beam_size": _of(random, 1, 3),
            "asr_ctc_weight": _of(random, 0.0, 0.3),
            "asr_nbest": _of(random, 1, 2),
            "asr_maxlenratio": _of(random, 0.0, -5),
            "asr_penalty": _of(random, 0.0, 0.3),
        }
    lengths = (6, 9, 15) if MODELS[model].task == zoo_mt.TASK else (1600, 3100, 5200)
    return Case(number, model, _of(random, *lengths), options)


def write(directory: Path, names: list[str] | None = None) -> None:
    """Write the configuration and the weights of models, each in a directory of its name."""
    for name in names or MODELS:
        place = directory / name
        place.mkdir()
        model = build(MODELS[name], place)
        state = {key: value.numpy() for key, value in model.state_dict().items()}
        named = drawn_weights({f"{name}.{key}": value for key, value in state.items()})
        weights = {key: torch.from_numpy(np.asarray(named[f"{name}.{key}"])) for key in state}
        for key in weights:
            weights[key] = weights[key] * SHARPNESS if key.endswith(SHARP) else weights[key]
        torch.save(weights, place / "model.pth")


def translator(case: Case, directory: Path) -> Any:
    """The class of a case's task, of its model and with its options."""
    task, place = SHORT[case.task], directory / case.model
    files = {f"{task}_train_config": str(place / "config.yaml"), f"{task}_model_file": str(place / "model.pth")}
    return attribute(TEXTS[case.task])(**files, **case.options)


def source(case: Case) -> Any:
    """Ids of tokens, or samples."""
    if case.task == zoo_mt.TASK:
        values = np.abs(drawn(f"mt/{case.name}", (case.length,))) * 1000
        return torch.from_numpy(1 + values.astype(np.int64) % (len(zoo_mt.SOURCE) - 2))
    return (0.1 * drawn(f"st/{case.name}", (case.length,))).astype(np.float32)


def decoded(case: Case, translate: Any) -> list[Any]:
    """The results of a case as JSON holds them: text, tokens, ids, hypothesis, score; of recognitions, too."""
    found = translate(source(case))
    lists = (found[0], found[1][: case.options["asr_nbest"]]) if isinstance(found, tuple) else (found,)
    return json.loads(json.dumps([[_plain(result) for result in nbest] for nbest in lists]))


def _plain(result: Any) -> list[Any]:
    text, token, token_int, hypothesis, *_ = result
    return [text, list(token), list(token_int), np.asarray(hypothesis.yseq).tolist(), float(hypothesis.score)]


def difference(expected: list[Any], found: list[Any]) -> str:
    """Difference of two answers in words, "" where there is none: texts, tokens, order, scores by more than 1e-3."""
    if [len(nbest) for nbest in expected] != [len(nbest) for nbest in found]:
        return f"{[len(nbest) for nbest in found]} results instead of {[len(nbest) for nbest in expected]}"
    pairs = [pair for lists in zip(expected, found, strict=True) for pair in zip(*lists, strict=True)]
    for rank, (theirs, ours) in enumerate(pairs, 1):
        if theirs[:-1] != ours[:-1] or abs(theirs[-1] - ours[-1]) > 1e-3:
            return f"{rank}: {ours} instead of {theirs}"
    return ""


def batch(task: str) -> dict[str, torch.Tensor]:
    """Two utterances or texts with their translations, as models read them in training."""
    counts = {"src_text": torch.tensor([6, 6]), "text": torch.tensor([5, 7])}
    fields = {}
    for name, lengths in counts.items():
        tokens = np.abs(drawn(f"training/{name}", (2, int(lengths.max())))) * 1000
        values = torch.from_numpy(1 + tokens.astype(np.int64) % (len(zoo_mt.TARGET) - 2))
        values[torch.arange(values.shape[1]) >= lengths[:, None]] = -1
        fields |= {name: values, f"{name}_lengths": lengths}
    if task == zoo_st.TASK:
        speech = torch.from_numpy((0.1 * drawn("training/speech", (2, 4800))).astype(np.float32))
        fields |= {"speech": speech, "speech_lengths": torch.tensor([4800, 4800])}
    return fields


def losses(
    name: str, directory: Path, prepare: Callable[[torch.nn.Module], object] = lambda model: None
) -> dict[str, dict[str, float]]:
    """Loss, statistics and the norm of all gradients of a model on `batch`, without and with reports.

    `prepare` changes the model before.
    """
    place = directory / name
    task = attribute(MODELS[name].task)
    model, _ = task.build_model_from_file(str(place / "config.yaml"), str(place / "model.pth"))
    prepare(model)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    found = {}
    for mode in ("eval", "train"):
        torch.manual_seed(0)
        model.train(mode == "train")
        loss, stats, weight = model(**{key: value.clone() for key, value in batch(MODELS[name].task).items()})
        known = {key: float(value) for key, value in stats.items() if value is not None}
        found[mode] = {"returned": float(loss.detach()), "weight": float(weight), **known}
    loss.backward()
    squares = [float((p.grad.double() ** 2).sum()) for p in model.parameters() if p.grad is not None]
    found["train"]["gradients"] = sum(squares) ** 0.5
    return {mode: {key: float(f"{value:.7g}") for key, value in values.items()} for mode, values in found.items()}


def distance(expected: dict[str, Any], found: dict[str, Any]) -> str:
    """Difference of two answers of `losses` in words, "" where there is none beyond rounding."""
    for mode, values in expected.items():
        if values.keys() != found[mode].keys():
            return f"{mode}: {sorted(found[mode])} instead of {sorted(values)}"
        for key, value in values.items():
            if abs(found[mode][key] - value) > 2e-5 * max(1.0, abs(value)):
                return f"{mode}: {key} {found[mode][key]} instead of {value}"
    return ""
