"""Whole decodes of tiny models of many tasks: prompts, previous texts, times, and recordings of several windows.

Run by upstream (`tools/make_s2t_golden.py`) and by this project, so nothing here knows either.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zoo_s2t
from zoo_calls import attribute, build
from zoo_data import Config, drawn, drawn_weights

LONG = "decode_long"
SPEECH2TEXT = "espnet2.bin.s2t_inference:Speech2Text"
MODELS = {"first": 4.0, "second": 2.0, "third": 8.0}  # and how far apart the scores of tokens are
LAYERS = "layers"  # in the golden, beside the cases
STORED = 18  # cases in the golden, the first ones


@dataclass(frozen=True)
class Case:
    """A decode: the model, seconds of speech, options of the constructor, the method, and arguments of the call."""

    name: str
    model: str
    seconds: float
    options: dict[str, Any] = field(default_factory=dict)
    method: str = "__call__"
    call: dict[str, Any] = field(default_factory=dict)


def cases(count: int) -> list[Case]:
    """The first `count` cases: short ones, and every fourth of several windows."""
    random = np.random.RandomState(0)
    return [(_long if number % 4 == 3 else _short)(number, random) for number in range(count)]


def _of(random: np.random.RandomState, *values: Any) -> Any:
    return values[random.randint(len(values))]


def _prompt(random: np.random.RandomState) -> dict[str, Any]:
    return {"lang_sym": _of(random, *zoo_s2t.LANGUAGES), "task_sym": _of(random, *zoo_s2t.TASKS)}


def _short(number: int, random: np.random.RandomState) -> Case:
    options = {
        "beam_size": _of(random, 1, 2, 5),
        "ctc_weight": _of(random, 0.0, 0.0, 0.3, 1.0),
        "nbest": _of(random, 1, 3),
        "penalty": _of(random, 0.0, 0.4),
        "maxlenratio": _of(random, 0.0, 0.3, -9),
        "normalize_length": _of(random, False, False, True),
    }
    call = {"predict_time": _of(random, False, True), "text_prev": _of(random, None, None, "ab c", [70, 12, 61, 63])}
    if call["text_prev"] is not None and not isinstance(call["text_prev"], str):
        call["text_prev"] = [int(token) for token in random.randint(1, len(zoo_s2t.TOKENS) - 3, 4)]
    if _of(random, True, False):
        call |= _prompt(random)
    else:
        options |= _prompt(random)
    return Case(f"{number}", _of(random, *MODELS), _of(random, 0.3, 0.7, 1.0, 1.4), options, call=call)


def _long(number: int, random: np.random.RandomState) -> Case:
    conditioned = _of(random, False, True)
    call = {
        "condition_on_prev_text": conditioned,
        "init_text": "b a" if conditioned and _of(random, False, True) else None,
        "end_time_threshold": _of(random, "<0.90>", "<0.50>", "<0.98>"),
        "skip_last_chunk_threshold": _of(random, 0.2, 0.4),
        **_prompt(random),
    }
    options = {
        "beam_size": _of(random, 1, 3),
        "ctc_weight": _of(random, 0.0, 0.3),
        "maxlenratio": _of(random, 0.0, 0.3),
    }
    return Case(f"{number}", _of(random, *MODELS), _of(random, 0.8, 1.0, 1.7, 2.3), options, LONG, call)


def write(directory: Path) -> Path:
    """Write the configuration and the weights of the models; return the former."""
    config = directory / "config.yaml"
    model = build(Config(zoo_s2t.TASK, zoo_s2t.ROUND_TRIP["s2t"].keys), directory)
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    for name, scale in MODELS.items():
        named = drawn_weights({f"{name}.{key}": value for key, value in state.items()})
        weights = {key: torch.from_numpy(np.asarray(named[f"{name}.{key}"])) for key in state}
        for layer in ("decoder.output_layer", "ctc.ctc_lo"):
            weights[f"{layer}.weight"] = weights[f"{layer}.weight"] * scale
        torch.save(weights, directory / f"{name}.pth")
    return config


def write_model(directory: Path, keys: dict[str, Any]) -> dict[str, str]:
    """Write configuration and weights of a model with these keys; return the options that name them."""
    directory.mkdir(parents=True, exist_ok=True)
    model = build(Config(zoo_s2t.TASK, {**zoo_s2t.ROUND_TRIP["s2t"].keys, **keys}), directory)
    state = drawn_weights({key: value.numpy() for key, value in model.state_dict().items()})
    torch.save({key: torch.from_numpy(np.asarray(value)) for key, value in state.items()}, directory / "model.pth")
    return {"s2t_train_config": str(directory / "config.yaml"), "s2t_model_file": str(directory / "model.pth")}


def layers(directory: Path, **options: Any) -> list[Any]:
    """The best text, and the tokens of a layer with intermediate CTC, of a model that has it."""
    files = write_model(directory, zoo_s2t.MODELS["interctc"])
    recognise = attribute(SPEECH2TEXT)(**files, beam_size=2, maxlenratio=-4, **options)
    results, tokens = recognise(speech(Case(LAYERS, "", 1.0)))
    return [results[0][0], {str(layer): " ".join(found) for layer, found in tokens.items()}]


def recogniser(case: Case, config: Path) -> Any:
    """The recogniser of a case."""
    weights = str(config.with_name(f"{case.model}.pth"))
    return attribute(SPEECH2TEXT)(s2t_train_config=str(config), s2t_model_file=weights, **case.options)


def speech(case: Case) -> np.ndarray:
    """Samples."""
    return (0.1 * drawn(f"s2t/{case.name}", (int(case.seconds * zoo_s2t.RATE),))).astype(np.float32)


def decoded(case: Case, recognise: Any) -> list[Any]:
    """The results of a case as JSON holds them; hypotheses that the rules forbid are left out."""
    call = dict(case.call)
    if isinstance(call.get("text_prev"), list):
        call["text_prev"] = np.array(call["text_prev"])
    if case.method == LONG:
        return [list(found) for found in recognise.decode_long(speech(case), **call)]
    results = [
        (*result[:4], result[4].yseq.tolist(), float(result[4].score)) for result in recognise(speech(case), **call)
    ]
    return json.loads(json.dumps([result for result in results if np.isfinite(result[-1])]))


def difference(expected: list[Any], found: list[Any]) -> str:
    """Difference of two answers in words, "" where there is none: texts, tokens, order, scores by more than 1e-3."""
    if len(expected) != len(found):
        return f"{len(found)} results instead of {len(expected)}"
    for rank, (theirs, ours) in enumerate(zip(expected, found, strict=True), 1):
        numbers = abs(theirs[-1] - ours[-1]) if not isinstance(theirs[-1], str) else 0.0
        words = theirs[:-1] if not isinstance(theirs[-1], str) else theirs
        if words != ours[: len(words)] or numbers > 1e-3:
            return f"{rank}: {ours} instead of {theirs}"
    return ""
