"""Helpers of tables of rows: sizes, inputs, and rows by the option set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo_data import Array, New, Row

FEATURES, MODEL, VOCABULARY = 20, 16, 11
LENGTHS = (43, 29, 17)  # frames of the three utterances; 17 is about the shortest that conv2d8 accepts
SAMPLES = (2600, 1801, 900)

BACKEND = "espnet.nets.pytorch_backend."
TRANSFORMER = BACKEND + "transformer."
FRAMES = (Array("xs", ("n", FEATURES)),)
HIDDEN = (Array("xs", ("n", MODEL)),)
TEXT = (Array("tokens", ("u",), below=VOCABULARY),)
ONE_HOT = Array("tokens", ("u", VOCABULARY))
SPEECH = (Array("speech", ("n",)),)
MEMORY = Array("memory", ("n", MODEL))


def family(
    prefix: str,
    call: str,
    target: str,
    inputs: tuple[Array, ...],
    options: Mapping[str, Mapping[str, Any]],
    base: Mapping[str, Any] | None = None,
    lengths: tuple[int, ...] = LENGTHS,
) -> list[Row]:
    """One row per option set of a class."""
    make = {name: New(target, {**(base or {}), **chosen}) for name, chosen in options.items()}
    return [Row(f"{prefix}-{name}", call, make[name], inputs, lengths) for name in options]


def encoders(prefix: str, target: str, options: Mapping[str, Mapping[str, Any]], base: Mapping[str, Any]) -> list[Row]:
    """Encoders read what their input layer takes: token ids, features, or hidden vectors where there is none."""
    rows = []
    for name, chosen in options.items():
        layer = chosen.get("input_layer", "conv2d")
        inputs = {"embed": (Array("xs", ("n",), below=FEATURES),), None: HIDDEN}.get(layer, FRAMES)
        size = {"input_size": MODEL if layer is None else FEATURES}
        rows += family(prefix, "encoder", f"espnet2.asr.encoder.{target}", inputs, {name: {**size, **base, **chosen}})
    return rows
