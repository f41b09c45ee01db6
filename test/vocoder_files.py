"""Tiny vocoders as the package parallel_wavegan saves them, and synthesisers that they go with, of drawn weights; the
same for that package and upstream, and for ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zoo_calls
import zoo_data
import zoo_tts
import zoo_tts2

F = 8  # features
PARAMS: dict[str, Any] = {
    "in_channels": F,
    "out_channels": 1,
    "channels": 16,
    "kernel_size": 7,
    "upsample_scales": [4, 3],
    "upsample_kernel_sizes": [8, 6],
    "resblock_kernel_sizes": [3, 5],
    "resblock_dilations": [[1, 3], [1, 2]],
    "use_additional_convs": True,
    "bias": True,
    "nonlinear_activation": "LeakyReLU",
    "nonlinear_activation_params": {"negative_slope": 0.1},
    "use_causal_conv": False,
    "use_weight_norm": True,
}
OF_UNITS: dict[str, Any] = {
    **{name: value for name, value in PARAMS.items() if name != "use_causal_conv"},
    "num_embs": zoo_tts2.UNITS,
    "concat_spk_emb": False,
}
NOISE = {"in_channels": 7, "aux_channels": F, "channels": 6, "kernel_size": 5}
# Types of generators, their options, and further keys of the configuration.
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "hifigan": ("HiFiGANGenerator", PARAMS, {}),
    "melgan": (
        "MelGANGenerator",
        {"in_channels": F, "out_channels": 1, "channels": 16, "upsample_scales": [4, 3], "use_causal_conv": False},
        {},
    ),
    "multi-band": (
        "MelGANGenerator",
        {"in_channels": F, "out_channels": 4, "channels": 16, "upsample_scales": [3], "stacks": 2},
        {"version": "0.5.1"},
    ),
    "multi-band-former": (
        "MelGANGenerator",
        {"in_channels": F, "out_channels": 4, "channels": 16, "upsample_scales": [3], "stacks": 2},
        {"version": "0.4.2"},
    ),
    "multi-band-filters": (
        "MelGANGenerator",
        {"in_channels": F, "out_channels": 2, "channels": 16, "upsample_scales": [3, 2], "stacks": 2},
        {"pqmf_params": {"taps": 30, "cutoff_ratio": 0.25}},
    ),
    "parallel_wavegan": (
        "ParallelWaveGANGenerator",
        {
            "in_channels": 1,
            "out_channels": 1,
            "aux_channels": F,
            "layers": 4,
            "stacks": 2,
            "residual_channels": 6,
            "gate_channels": 10,
            "skip_channels": 5,
            "dropout": 0.0,
            "upsample_params": {"upsample_scales": [4, 3]},
        },
        {},
    ),
    "style_melgan": (
        "StyleMelGANGenerator",
        {**NOISE, "out_channels": 1, "noise_upsample_scales": [3, 2], "upsample_scales": [4, 3]},
        {},
    ),
    "units": ("DiscreteSymbolHiFiGANGenerator", {**OF_UNITS, "num_spk_embs": 0}, {}),
    "units-speakers": (
        "DiscreteSymbolHiFiGANGenerator",
        {**OF_UNITS, "num_spk_embs": 3, "spk_emb_dim": F, "upsample_kernel_sizes": [8, 7]},
        {},
    ),
}
CONFIG: dict[str, Any] = {
    "discriminator_type": "HiFiGANMultiScaleMultiPeriodDiscriminator",
    "sampling_rate": 8000,
    "hop_size": 12,
    "fft_size": 48,
    "num_mels": F,
    "fmin": 40,
    "fmax": 4000,
    "format": "npy",
}
STATISTICS = np.stack([zoo_data.drawn("mean", (F,)), 1 + 0.1 * np.abs(zoo_data.drawn("scale", (F,)))])
FEATS = zoo_data.drawn("feats", (9, F)).astype(np.float32)
UNITS = np.stack([np.arange(9) * 5 % zoo_tts2.UNITS, np.full(9, 2)], axis=1)  # with the number of a speaker
# A synthesiser of the vocoders' features, one of their units, and a text.
_TRANSFORM = {"fs": 8000, "n_fft": 48, "hop_length": 12}
_KEYS = {
    **zoo_tts.MODEL,
    "feats_extract_conf": {**_TRANSFORM, "n_mels": F, "fmin": 40, "fmax": 4000},
    "pitch_extract_conf": {**_TRANSFORM, "f0min": 60, "reduction_factor": 1},
    "energy_extract_conf": {**_TRANSFORM, "reduction_factor": 1},
}
_LONGER = {f"tts.{key}": value for key, value in zoo_tts.DURATIONS.items()}
TTS = zoo_data.Row("vocoded", "", zoo_data.Config("espnet2.tasks.tts:TTSTask", _KEYS), (), (), fixed=_LONGER)
TTS2 = zoo_data.Row(
    "vocoded-units", "", zoo_data.Config("espnet2.tasks.tts2:TTS2Task", zoo_tts2.MODEL), (), (), fixed=_LONGER
)
TEXT = "ab c"


def read_by(kind: str) -> torch.Tensor:
    """Features that a vocoder reads, or units, with a speaker where it has several."""
    given: dict[str, np.ndarray] = {"units": UNITS[:, :1], "units-speakers": UNITS}
    return torch.from_numpy(given.get(kind, FEATS))


def write_synthesiser(directory: Path, row: zoo_data.Row) -> dict[str, Path]:
    """Write config.yaml, model.pth and statistics of `TTS` or `TTS2`; return the files by the names of arguments."""
    torch.save(zoo_calls.module_for(row, directory).state_dict(), directory / "model.pth")
    return {"train_config": directory / "config.yaml", "model_file": directory / "model.pth"}


def _as_package(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A state dict whose residual blocks have two last convolutions, as the package's, where ours have one."""
    residual = KINDS["parallel_wavegan"][1]["residual_channels"]
    found = dict(state)
    for name, value in state.items():
        skip = name.replace("conv1x1_out", "conv1x1_skip")
        if skip not in state:
            found[name], found[skip] = value[:residual], value[residual:]
    return found


def write(directory: Path, generator: torch.nn.Module, statistics: bool, kind: str = "hifigan", **keys: Any) -> Path:
    """Give a generator drawn weights; write checkpoint, config and perhaps statistics; return the checkpoint.

    `kind` is a name in `KINDS`; `keys` replace those of its configuration.
    """
    generator_type, params, further = KINDS[kind]
    keys = {"generator_type": generator_type, "generator_params": params, **further, **keys}
    state = _as_package({key: value.numpy() for key, value in generator.state_dict().items()})
    drawn = {key: torch.from_numpy(value) for key, value in zoo_data.drawn_weights(state).items()}
    generator.load_state_dict(drawn)
    path = directory / "checkpoint-1steps.pkl"
    content = {"model": {"generator": drawn, "discriminator": {}}, "optimizer": {"generator": {}}, "steps": 1}
    torch.save(content, path)
    (directory / "config.yml").write_text(json.dumps({**CONFIG, **keys}))  # JSON is YAML
    if statistics:
        np.save(directory / "stats.npy", STATISTICS)
    return path
