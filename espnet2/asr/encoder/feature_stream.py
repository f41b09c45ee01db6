"""Streams of features in pieces of any size, as in upstream's `forward_infer`, on top of fixed-size steps."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.streaming import StreamingModel

DTYPES = {"float32": torch.float32, "int64": torch.int64}


class Waiting(NamedTuple):
    """State of B streams: features (B, T, F) of an incomplete step, number of steps, and the encoder's states."""

    features: Tensor
    steps: int
    states: tuple[Tensor, ...]


class FeatureStream(StreamingModel):
    """B streams of features that advance together.

    Raises `OptionError` for an encoder that needs whole utterances.
    """

    frontend = None
    normalize = None

    def __init__(self, encoder: AbsEncoder) -> None:
        self.encoder = encoder
        self.conf = self.streaming()

    def start(self, like: Tensor) -> Waiting:
        """Return the initial state of streams with features like these (B, T, F)."""
        component, rows = self.step_component(), like.shape[0]
        states = tuple(
            torch.zeros(component.initial_shape(state, batch=rows), dtype=DTYPES[state.input.dtype], device=like.device)
            for state in component.states
        )
        return Waiting(like.new_zeros(like.shape[0], self.conf["lead"], like.shape[2]), 0, states)

    def feed(self, features: Tensor, before: Waiting, is_final: bool) -> tuple[Tensor, Tensor, Waiting]:
        """Encode the steps that the next features (B, T, F) complete: (B, T', D), lengths (B,), and the next state."""
        size, rows = self.conf["samples_per_step"], features.shape[0]
        known = torch.cat((before.features, features), dim=1)
        steps = known.shape[1] // size
        encoded: list[Tensor] = [features.new_zeros(rows, 0, self.encoder.output_size())]
        states = before.states
        for index in range(steps):
            piece = known[:, None, index * size : (index + 1) * size]
            encoded, states = self._step(encoded, piece, known.shape[1], states)
        rest, taken = known[:, steps * size :], before.steps + steps
        for index in range(max(1, self.conf["least_steps"] - taken) if is_final else 0):
            remaining = rest.shape[1] - index * size
            piece = torch.nn.functional.pad(rest[:, index * size :], (0, 0, 0, min(size, size - remaining)))[:, None]
            encoded, states = self._step(encoded, piece, remaining, states)
        ready = torch.cat(encoded, dim=1)
        return ready, features.new_full((rows,), ready.shape[1], dtype=torch.int64), Waiting(rest, taken, states)

    def _step(
        self, encoded: list[Tensor], piece: Tensor, remaining: int, states: tuple[Tensor, ...]
    ) -> tuple[list[Tensor], tuple[Tensor, ...]]:
        remains = torch.full((piece.shape[0],), remaining, device=piece.device)
        found, lengths, *after = self.encode_step(piece, remains, *states)
        return [*encoded, found[:, : int(lengths[0])]], tuple(after)
