"""Decodes by tiny models of OWSM-CTC's kind with random weights: the same calls for upstream's classes and for ours."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import zoo_data

RATE = 16000
TOKENS = ["<blank>", "<unk>", "<sos>", "<eos>", "<sop>", "<na>", "<nolang>", "<eng>", "<deu>", "<asr>", "<st_deu>"]
TOKENS += ["<space>", *"abcdefghijkl"]
ENCODER = {
    "output_size": 16,
    "attention_heads": 2,
    "attention_layer_type": "selfattn",
    "pos_enc_layer_type": "abs_pos",
    "cgmlp_linear_units": 24,
    "cgmlp_conv_kernel": 7,
    "linear_units": 24,
    "num_blocks": 3,
    "input_layer": "conv2d8",
    "use_ffn": True,
    "macaron_ffn": True,
    "interctc_layer_idx": [1],
    "interctc_use_conditioning": True,
    "use_cross_attention": [True, False, True],
}
PROMPT_ENCODER = {"output_size": 8, "attention_heads": 2, "linear_units": 12, "num_blocks": 1}
CONFIG: dict[str, Any] = {
    "token_list": TOKENS,
    "token_type": "char",
    "frontend": "default",
    "frontend_conf": {"fs": RATE, "n_fft": 512, "hop_length": 160, "n_mels": 20},
    "normalize": "utterance_mvn",
    "normalize_conf": {},
    "model": "espnet_ctc",
    "model_conf": {"interctc_weight": 0.5, "ctc_asr_only": [True, False]},
    "encoder": "e_branchformer_ctc",
    "encoder_conf": ENCODER,
    "promptencoder": "transformer",
    "promptencoder_conf": PROMPT_ENCODER,
    "preprocessor": "s2t_ctc",
    "preprocessor_conf": {"fs": RATE, "speech_length": 30},
}
RELATIVE = {"attention_layer_type": "rel_selfattn", "pos_enc_layer_type": "rel_pos"}
PLAIN = {"interctc_layer_idx": [], "interctc_use_conditioning": False, "use_cross_attention": True, "num_blocks": 2}
MODELS: dict[str, dict[str, Any]] = {
    "conditioned": CONFIG,
    "same-size": {**CONFIG, "promptencoder_conf": {**PROMPT_ENCODER, "output_size": 16}},
    "relative": {
        **CONFIG,
        "model_conf": {},
        "encoder_conf": {**ENCODER, **RELATIVE, **PLAIN},
        "promptencoder": "conformer",
        "promptencoder_conf": {**PROMPT_ENCODER, "rel_pos_type": "latest", "macaron_style": True},
    },
    # Tokens of published models have times, too.
    "timed": {**CONFIG, "token_list": [*TOKENS, "<notimestamps>", "<0.00>", "<0.02>", "<30.00>"]},
}
PROMPTS: tuple[dict[str, Any], ...] = (
    {"text_prev": [5]},
    {"text_prev": [5], "lang_sym": "<eng>", "task_sym": "<st_deu>"},
    {"text_prev": [12, 13, 11, 14], "lang_sym": "<deu>"},
    {"text_prev": [11, 23, 22, 21, 20, 19, 18], "task_sym": "<st_deu>"},
)
SEARCHES: dict[str, tuple[str, dict[str, Any]]] = {
    "beam": ("Speech2Text", {"beam_size": 3, "nbest": 3}),
    "penalty": ("Speech2Text", {"beam_size": 5, "nbest": 2, "penalty": 0.7, "generate_interctc_outputs": True}),
    "greedy": ("Speech2TextGreedySearch", {}),
    "layers": ("Speech2TextGreedySearch", {"generate_interctc_outputs": True}),
}
SECONDS = (0.4, 1.1, 2.6)
# Recordings, and the context at either end of buffers, in seconds.
LONG = ((7.3, 2), (30, 2), (31.7, 4), (57.9, 2), (75, 4))


class Case(NamedTuple):
    """One call: the model, the search, the recording's seconds, the number of the prompt or the context of buffers."""

    model: str
    search: str
    seconds: float
    option: float

    @property
    def name(self) -> str:
        return "/".join(map(str, self))


CASES = [
    Case(model, search, seconds, prompt)
    for model in MODELS
    for search in SEARCHES
    for seconds in SECONDS
    for prompt in range(len(PROMPTS))
    if not (model == "relative" and search == "layers")
]
CASES += [
    Case(model, search, seconds, context)
    for model in ("conditioned", "relative")
    for search in ("buffered", "batch")
    for seconds, context in LONG
]
# Two buffers at most: release 202511 lets a buffer that is encoded alone attend to padding of the previous text.
CASES += [Case(model, "former", *LONG[place]) for model in ("conditioned", "relative") for place in range(3)]
# By release, which differ in buffers; release 202511 takes "<na>" of `batch` as a text of characters.
LEFT_OUT = {"202511": "batch", "202611": "former"}
STORED = {
    "202511": [Case("conditioned", "former", 31.7, 4), Case("relative", "buffered", 31.7, 4)],
    "202611": [
        *CASES[3:132:12],
        Case("timed", "beam", 1.1, 1),
        Case("conditioned", "buffered", 31.7, 4),
        Case("relative", "batch", 7.3, 2),
    ],
}


def recording(seconds: float) -> np.ndarray:
    """Tones that change four times in a second, with noise."""
    samples = round(seconds * RATE)
    random = np.random.RandomState(samples)
    pitches = np.repeat(random.uniform(100, 4000, (samples * 4 // RATE + 1, 3)), RATE // 4, axis=0)[:samples]
    tones = np.sin(2 * np.pi * np.cumsum(pitches, axis=0) / RATE).sum(axis=1)
    return (0.1 * tones + 0.02 * random.standard_normal(samples)).astype(np.float32)


def write_model(directory: Path, model: str) -> dict[str, str]:
    """Write config.yaml and weights of a model of `MODELS`; return the options that name them."""
    directory.mkdir(parents=True, exist_ok=True)
    config, weights = directory / "config.yaml", directory / "model.pth"
    task = importlib.import_module("espnet2.tasks.s2t_ctc").S2TTask
    config.write_text(json.dumps({**task.get_default_config(), **MODELS[model]}))  # JSON is YAML
    built = task.build_model_from_file(str(config))[0]
    state = {key: value.numpy() for key, value in built.state_dict().items()}
    torch.save({key: torch.from_numpy(value) for key, value in zoo_data.drawn_weights(state).items()}, weights)
    return {"s2t_train_config": str(config), "s2t_model_file": str(weights), "token_type": "char"}


def answers(cases: list[Case], directory: Path, **former: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and the answer of each case; `former` are options of buffers that only classes here have."""
    module = importlib.import_module("espnet2.bin.s2t_inference_ctc")
    for model in dict.fromkeys(case.model for case in cases):
        files = write_model(directory / model, model)
        for search in dict.fromkeys(case.search for case in cases if case.model == model):
            name, options = SEARCHES.get(search, ("Speech2TextGreedySearch", former))
            decoder = getattr(module, name)(**files, **options)
            yield from ((c.name, answer(decoder, c)) for c in cases if (c.model, c.search) == (model, search))


def answer(decoder: Any, case: Case) -> Any:
    """Answer of a decoder in a case, as JSON holds it."""
    if case.search == "buffered":
        return decoder.decode_long_batched_buffered(recording(case.seconds), 2, case.option, "<eng>", "<asr>")
    if case.search == "batch":
        speech = [recording(case.seconds), recording(3.3)]
        return decoder.batch_decode(speech, 3, case.option, "<na>", ["<eng>", "<deu>"], "<st_deu>")
    if case.search == "former":  # release 202611 reads no previous text
        return decoder.batch_decode(recording(case.seconds), 2, case.option, "abd", "<eng>", "<st_deu>")
    prompt = {**PROMPTS[int(case.option)]}
    prompt["text_prev"] = np.array(prompt["text_prev"])
    found = decoder(recording(case.seconds), **prompt)
    results, layers = found if isinstance(found, tuple) else (found, {})
    return [[row_of(result) for result in results], {str(layer): " ".join(tokens) for layer, tokens in layers.items()}]


def row_of(result: Any) -> list[Any]:
    """Text, tokens' indices, text without tags, and score of a result; upstream's scores are tensors."""
    text, tokens, token_int, plain, hypothesis = result
    assert len(tokens) == len(token_int)
    return [text, token_int, plain, None if hypothesis is None else round(float(hypothesis.score), 4)]
