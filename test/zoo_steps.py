"""Checks of step graphs: hypotheses that grow token by token, against the module on whole texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import zoo_rows

GRAPH_TOLERANCE = 1e-4  # onnxruntime against PyTorch
STEPS = 20


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference, relative to the expected value where that exceeds 1; inf for other shapes."""
    if found.shape != expected.shape:
        return float("inf")
    return float((np.abs(found - expected) / np.maximum(1, np.abs(expected))).max(initial=0))


def _steps(graph, fixed: dict[str, np.ndarray], batch: int, beam: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Tokens so far (batch, beam, U) and what the step first returns, the next token's log-probabilities as a rule, of
    hypotheses that are reordered and dropped at random before each of `STEPS` steps."""
    # Imported here, so that goldens are made where only upstream is installed.
    from espnet2.export.steps import Steps

    random, steps = np.random.default_rng(1), Steps(graph, batch, fixed, max(fixed.get("memory_lengths", [0])))
    history, parent = np.zeros((batch, 1, 0), np.int64), 1
    for _ in range(STEPS):
        parents = random.integers(0, parent, (batch, beam))
        tokens = random.integers(1, zoo_rows.VOCABULARY, (batch, beam))
        found = steps(tokens, parents)
        history = np.concatenate([np.take_along_axis(history, parents[..., None], 1), tokens[..., None]], 2)
        parent = beam
        yield history, found


def _check_steps(graph, forward, fixed: dict[str, np.ndarray], batch: int) -> None:
    """`forward` maps tokens (batch * beam, U) to what steps give, (batch * beam, U, V)."""
    for history, found in _steps(graph, fixed, batch, beam=3):
        with torch.no_grad():
            expected = forward(torch.from_numpy(history).flatten(0, 1))[:, -1]
        assert distance(found, expected.reshape(found.shape).numpy()) <= GRAPH_TOLERANCE


def check_decoder(module: torch.nn.Module, start: Any, step: Any) -> None:
    """Graphs of a decoder: hypotheses of two utterances, of different lengths."""
    memory = np.random.default_rng(0).standard_normal((2, 37, zoo_rows.MODEL)).astype(np.float32)
    lengths = np.array([37, 20])
    projected = start({"encoder_out": memory, "memory_lengths": lengths})

    def forward(tokens: torch.Tensor) -> torch.Tensor:
        beam = len(tokens) // len(memory)
        text_lengths = torch.full((len(tokens),), tokens.shape[1])
        hypotheses = torch.from_numpy(memory.repeat(beam, 0)), torch.from_numpy(lengths.repeat(beam))
        return module(*hypotheses, tokens, text_lengths)[0].log_softmax(-1)

    _check_steps(step, forward, {**projected, "memory_lengths": lengths}, batch=2)


def check_lm(module: torch.nn.Module, step: Any) -> None:
    """The graph of a language model."""
    _check_steps(step, lambda tokens: module(tokens, None)[0].log_softmax(-1), {}, batch=2)


def check_transducer(module: torch.nn.Module, step: Any) -> None:
    """The graph of a transducer's decoder."""
    _check_steps(step, module, {}, batch=2)
