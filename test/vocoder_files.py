"""A tiny vocoder as the package parallel_wavegan saves it, of drawn weights; the same for that package and for ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zoo_data

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
CONFIG: dict[str, Any] = {
    "generator_type": "HiFiGANGenerator",
    "generator_params": PARAMS,
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


def write(directory: Path, generator: torch.nn.Module, statistics: bool, **keys: Any) -> Path:
    """Give a generator drawn weights; write checkpoint, config and perhaps statistics; return the checkpoint."""
    state = {key: value.numpy() for key, value in generator.state_dict().items()}
    drawn = {key: torch.from_numpy(value) for key, value in zoo_data.drawn_weights(state).items()}
    generator.load_state_dict(drawn)
    path = directory / "checkpoint-1steps.pkl"
    content = {"model": {"generator": drawn, "discriminator": {}}, "optimizer": {"generator": {}}, "steps": 1}
    torch.save(content, path)
    (directory / "config.yml").write_text(json.dumps({**CONFIG, **keys}))  # JSON is YAML
    if statistics:
        np.save(directory / "stats.npy", STATISTICS)
    return path
