"""Random tiny models that map speech: languages, classes, spoofed speech; their losses, gradients and results.

Run by upstream (`tools/make_map_golden.py`) and by this project, so nothing here knows either.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import zoo_training_calls
from zoo_calls import attribute, build
from zoo_data import Config, Stats, drawn, drawn_weights
from zoo_kind import digest

TASKS = {
    "lid": "espnet2.tasks.lid:LIDTask",
    "cls": "espnet2.tasks.cls:CLSTask",
    "asvspoof": "espnet2.tasks.asvspoof:ASVSpoofTask",
}
STORED = 8  # cases in the golden, the first ones
SIZE, CLASSES = 8, 5  # of features; languages, or classes
TOGETHER = 3  # utterances of a batch in training, all of one length
Choose = Callable[..., Any]  # one of its arguments


@dataclass(frozen=True)
class Case:
    """A model, the steps of each of its utterances, those of the batch in training, and labels of the batch."""

    name: str
    task: str
    keys: Mapping[str, Any]
    alone: tuple[int, ...]
    together: int
    labels: list[list[int]]


def cases(count: int, tasks: tuple[str, ...] = ("lid", "cls")) -> list[Case]:
    """The first `count` cases of these tasks, in turn."""
    return [_case(number, tasks[number % len(tasks)]) for number in range(count)]


def _case(number: int, task: str) -> Case:
    random = np.random.RandomState(number)

    def of(*values: Any) -> Any:
        return values[random.randint(len(values))]

    keys, unit = MODELS[task](of)
    several = keys.get("model_conf", {}).get("classification_type") == "multi-label"
    labels = [random.permutation(CLASSES)[: 2 if several else 1].tolist() for _ in range(TOGETHER)]
    if several:
        labels[0][1] = -1
    alone = tuple(unit * int(steps) for steps in random.randint(11, 40, 3))
    return Case(f"{number}-{task}", task, keys, alone, unit * int(random.randint(20, 40)), labels)


def _front(of: Choose, of_frames: bool) -> tuple[dict[str, Any], int]:
    """Front end, normalisation and augmentation, and the samples or frames of a step of lengths."""
    hop = of(32, 48)
    default = {"fs": of("16k", 8000), "n_fft": 64, "hop_length": hop, "n_mels": SIZE, "htk": of(True, False)}
    fused = [{"frontend_type": "default", "n_fft": 64, "hop_length": 32, "n_mels": mels} for mels in (8, 12)]
    learned = {"sinc_filters": SIZE, "sinc_kernel_size": 31, "log_term": 1e-2}
    known = {
        "default": default,
        "fused": {"frontends": fused, "proj_dim": SIZE // 2},
        **(
            {
                "melspec_torch": {
                    "log": True,
                    "normalize": of("mn", None),
                    "n_mels": SIZE,
                    "n_fft": 256,
                    "win_length": 200,
                }
            }
        ),
        **({"asteroid_frontend": learned} if of_frames else {}),
    }
    if not of_frames:
        known.pop("melspec_torch")
    name = of(None, "default", *known)
    normalize = of(None, "utterance_mvn", "global_mvn")
    conf = {"utterance_mvn": {"norm_vars": of(True, False)}, "global_mvn": {"stats_file": Stats(SIZE)}}
    augment = {"time_mask_width_range": [0, 6], "freq_mask_width_range": [0, 3], "num_time_mask": 1}
    return {
        "frontend": name,
        "frontend_conf": known.get(name, {}),
        "input_size": SIZE if name is None else None,
        "normalize": normalize,
        "normalize_conf": conf.get(normalize, {}),
        **of({}, {}, {"specaug": "specaug", "specaug_conf": augment}),
    }, (2 if name is None else 110)


def _language(of: Choose) -> tuple[dict[str, Any], int]:
    """Keys of a language identifier, and the unit of lengths."""
    keys, unit = _front(of, of_frames=True)
    tdnn = {"ndim": of(8, 16), "output_size": of(12, 24), "model_scale": of(2, 4)}
    stack = {"output_size": 8, "attention_heads": 2, "linear_units": 8, "num_blocks": of(1, 2), "cnn_module_kernel": 5}
    still = {"dropout_rate": 0.0, "positional_dropout_rate": 0.0, "attention_dropout_rate": 0.0}
    latest = {"rel_pos_type": "latest", "macaron_style": of(True, False), "use_cnn_module": of(True, False)}
    encoders = {
        "rawnet3": tdnn,
        "ecapa_tdnn": tdnn,
        "ska_tdnn": {**tdnn, "ska_dim": 8},
        "xvector": {"ndim": tdnn["ndim"], "output_size": tdnn["output_size"]},
        "mfaconformer": {**stack, **still, "input_layer": of("conv2d", "conv2d1", "conv2d2"), **latest},
        "identity": {},
    }
    encoder, loss = of(*encoders), of("aamsoftmax", "aamsoftmax_sc_topk", "softmax")
    margins = {"margin": of(0.1, 0.3, 1.5), "scale": of(5.0, 15.0, 30.0), "easy_margin": of(True, False)}
    losses = {
        "aamsoftmax": margins,
        "aamsoftmax_sc_topk": {
            **margins,
            "K": of(1, 3),
            "k_top": of(1, 3),
            "mp": of(0.0, 0.06),
            "do_lm": of(True, False),
        },
        "softmax": {},
    }
    return {
        **keys,
        "model": "espnet",
        "lang_num": CLASSES,
        "encoder": encoder,
        "encoder_conf": encoders[encoder],
        "pooling": of("chn_attn_stat", "mean", "stats"),
        "pooling_conf": {},
        "projector": of("rawnet3", "ska_tdnn", "xvector"),
        "projector_conf": {"output_size": of(5, 7)},
        "loss": loss,
        "loss_conf": losses[loss],
        "model_conf": {},
    }, unit


def _encoder(of: Choose, names: tuple[str, ...]) -> dict[str, Any]:
    """An encoder of frames, without dropout."""
    name = of(*names)
    conf = {"output_size": 8, "attention_heads": of(1, 2), "linear_units": 12, "num_blocks": of(1, 2)}
    conf |= {"dropout_rate": 0.0, "positional_dropout_rate": 0.0, "attention_dropout_rate": 0.0}
    conf |= {"input_layer": of("conv2d", "linear", "conv2d2"), "normalize_before": of(True, False)}
    conf |= {"positionwise_layer_type": of("linear", "linear", "conv1d")}
    if name == "conformer":
        conf |= {
            "cnn_module_kernel": of(3, 7),
            "macaron_style": of(True, False),
            "rel_pos_type": of("latest", "legacy"),
        }
    return {"encoder": name, "encoder_conf": conf}


def _classifier(of: Choose) -> tuple[dict[str, Any], int]:
    """Keys of a classifier, and the unit of lengths."""
    keys, unit = _front(of, of_frames=False)
    keys |= _encoder(of, ("transformer", "conformer"))
    linear = {"preencoder": "linear", "preencoder_conf": {"input_size": SIZE, "output_size": 12}}
    keys |= of({}, {}, linear)
    beats = {"encoder_layers": 1, "encoder_embed_dim": 8, "encoder_ffn_embed_dim": 8, "encoder_attention_heads": 2}
    beats |= {"embed_dim": 8, "conv_pos": 16, "conv_pos_groups": 2, "relative_position_embedding": of(True, False)}
    beats |= {name: 0.0 for name in ("dropout", "attention_dropout", "activation_dropout", "dropout_input")}
    if of(True, False, False, False, False):
        none = dict.fromkeys(("frontend", "normalize", "preencoder", "specaug"))
        keys = {**none, "input_size": 1, "encoder": "beats", "encoder_conf": {"beats_config": beats}}
        unit = 190
    options = {"lsm_weight": of(0.0, 0.1), "classification_type": of("multi-class", "multi-label")}
    options["mixup_probability"] = 0.0 if options["classification_type"] == "multi-class" else of(0.0, 1.0)
    return {
        **keys,
        "model": "espnet",
        "token_list": [*("cat", "dog", "light rain", "bird", "bell")[:CLASSES], "<unk>"],
        "decoder": "linear",
        "decoder_conf": {"pooling": of("mean", "max", "CLS")},
        "model_conf": options,
    }, unit


def _detector(of: Choose) -> tuple[dict[str, Any], int]:
    """Keys of a detector of spoofed speech, and the unit of lengths."""
    keys, unit = _front(of, of_frames=False)
    name = of("binary_loss", "am_softmax_loss", "oc_softmax_loss")
    keys |= {**_encoder(of, ("transformer",)), "decoder": "linear", "decoder_conf": {}}
    return {**keys, "losses": [{"name": name, "conf": {"weight": of(1.0, 0.5)}}]}, unit


MODELS = {"lid": _language, "cls": _classifier, "asvspoof": _detector}


def write(case: Case, directory: Path) -> tuple[Any, Path, Path]:
    """The model of a case in evaluation mode, its configuration, and its weights."""
    directory.mkdir(parents=True, exist_ok=True)
    model = build(Config(TASKS[case.task], case.keys), directory).float().eval()
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    weights = {key: torch.from_numpy(np.asarray(value)) for key, value in drawn_weights(state).items()}
    model.load_state_dict(weights)
    torch.save(weights, directory / "model.pth")
    return model, directory / "config.yaml", directory / "model.pth"


def speech(case: Case, steps: int, number: int = 0) -> np.ndarray:
    """An utterance: samples, or features where there is no front end."""
    waveform = case.keys["frontend"] is not None or case.keys["encoder"] == "beats"
    shape = (steps,) if waveform else (steps, SIZE)
    return (0.3 * drawn(f"map/{case.name}/{number}", shape)).astype(np.float32)


def batch(case: Case) -> dict[str, torch.Tensor]:
    """Utterances of one length with their labels."""
    samples = torch.from_numpy(np.stack([speech(case, case.together, number) for number in range(TOGETHER)]))
    labels = torch.tensor(case.labels)
    if case.task == "asvspoof":
        labels = labels % 2
    name = "lid_labels" if case.task == "lid" else "label"
    lengths = torch.full((TOGETHER,), case.together)
    counts = (labels >= 0).sum(dim=1)
    return {"speech": samples, "speech_lengths": lengths, name: labels, f"{name}_lengths": counts}


def measured(case: Case, directory: Path) -> dict[str, Any]:
    """Results of each utterance alone, and statistics and gradients of a batch."""
    model, config, weights = write(case, directory)
    with torch.no_grad():
        alone = [RESULTS[case.task](model, speech(case, steps), (config, weights)) for steps in case.alone]
    with patch.object(attribute("espnet2.layers.mixup_augmentation:MixupAugment"), "forward", mix_with_next):
        found = zoo_training_calls.measured_on(model, batch(case))
    del found["collected"]  # upstream's language identifiers normalise them
    if case.task == "cls":
        del found["train"]["acc"]  # upstream compares with smoothed and mixed labels, which no class equals
    if case.keys["encoder"] == "beats":  # whose weights are in another order
        found["gradients"] = dict(sorted(found["gradients"].items()))
    return {"alone": alone, **found}


def mix_with_next(
    self: Any, speech: torch.Tensor, onehot: torch.Tensor, speech_lengths: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """In place of what mixes at random: three quarters of each utterance, and a quarter of the next one."""
    return 0.75 * speech + 0.25 * speech.roll(-1, 0), 0.75 * onehot + 0.25 * onehot.roll(-1, 0), speech_lengths


def _identified(model: Any, samples: np.ndarray, files: tuple[Path, Path]) -> list[Any]:
    embedding, language = model(torch.from_numpy(samples)[None], torch.tensor([len(samples)]), extract_embd=True)
    return [int(language), *embedding[0].tolist()]


def _classified(model: Any, samples: np.ndarray, files: tuple[Path, Path]) -> list[Any]:
    classify = attribute("espnet2.bin.cls_inference:Classification")(*map(str, files))
    numbers, scores, names = classify(samples)
    return [list(map(int, numbers)), names, *scores.flatten().tolist()]


def _scored(model: Any, samples: np.ndarray, files: tuple[Path, Path]) -> list[Any]:
    score = attribute("espnet2.bin.asvspoof_inference:SpeechAntiSpoof")(*map(str, files))
    return [float(score(samples))]


RESULTS = {"lid": _identified, "cls": _classified, "asvspoof": _scored}


def condensed(found: Mapping[str, Any]) -> dict[str, Any]:
    """Part of `measured` that the golden holds: of each utterance's numbers a digest, and that of all gradients."""
    alone = [[*_others(one), *digest("alone", torch.tensor(_numbers(one)))] for one in found["alone"]]
    return json.loads(json.dumps({"alone": alone, **zoo_training_calls.condensed(found)}))


def _others(result: list[Any]) -> list[Any]:
    return [value for value in result if not isinstance(value, float)]


def _numbers(result: list[Any]) -> list[float]:
    return [value for value in result if isinstance(value, float)]
