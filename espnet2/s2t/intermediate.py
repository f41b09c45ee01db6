"""Outputs of layers with intermediate CTC as outputs of the encoder's graph, behind the last layer's."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor

from espnet2.interface.spec import Component


def flat(encoded: Any, lengths: Tensor) -> tuple[Tensor, ...]:
    """Results of a model's `encode` as a tuple of tensors: (B, T, D), lengths (B,), then (B, T, D) of each layer."""
    output, between = encoded if isinstance(encoded, tuple) else (encoded, [])
    return output, lengths, *(hidden for _, hidden in between)


def with_layers(component: Component, model: Any) -> Component:
    """The encoder's component with the outputs `interctc_layer6`, ... that `flat` gives."""
    hidden = component.outputs[0]
    layers = getattr(model.encoder, "interctc_layer_idx", ()) if model.postencoder is None else ()
    between = (dataclasses.replace(hidden, name=f"interctc_layer{layer}") for layer in layers)
    return dataclasses.replace(component, outputs=(*component.outputs, *between))
