"""Rows of WaveNet and of VITS, which is trained end to end."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, New, Row

C, AUX, G = 6, 3, 4  # channels, auxiliary features, size of a global vector
X, FEATURES, VECTOR = Array("x", ("n", C)), Array("c", ("n", AUX)), Array("g", (G,))
WAVENET = {"residual_channels": C, "gate_channels": 8, "skip_channels": 5, "layers": 4, "stacks": 2}
WAVENETS: dict[str, tuple[dict[str, Any], tuple[Array, ...]]] = {
    "default": ({}, (X,)),
    "features": ({"aux_channels": AUX, "global_channels": G, "base_dilation": 3}, (X, FEATURES, VECTOR)),
    "scaled": ({"scale_residual": True, "scale_skip_connect": True, "kernel_size": 5, "bias": False}, (X,)),
    "first-and-last": (
        {"use_first_conv": True, "use_last_conv": True, "in_channels": 2, "out_channels": 3, "use_weight_norm": False},
        (Array("x", ("n", 2)),),
    ),
}


def _rows() -> list[Row]:
    rows = []
    for name, (options, inputs) in WAVENETS.items():
        make = New("espnet2.gan_tts.wavenet.wavenet:WaveNet", {**WAVENET, **options})
        rows.append(Row(f"wavenet-{name}", "wavenet", make, inputs, (23, 11, 1)))
    return rows


ROWS = _rows()
REFUSED = [
    ("wavenet-default", {"stacks": 3}, "layers.*multiple of stacks 3.*4"),
    ("wavenet-default", {"gate_channels": 7}, "gate_channels.*even.*7"),
    ("wavenet-default", {"kernel_size": 4}, "odd kernel size.*4"),
]
