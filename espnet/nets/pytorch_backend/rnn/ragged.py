"""Recurrent layers over batches of utterances of different length.

PyTorch's way to respect lengths is a packed sequence, which no graph can hold; and its
`aten.lstm` and `aten.gru` become ONNX with a dynamic time axis only once per process,
since torch's dispatcher remembers the unrolled decomposition. So a graph gets ONNX's
own operator, one per layer, whose input `sequence_lens` means what packing means: the
backward direction starts at each utterance's own end, and outputs beyond it are zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

OPERATOR_VERSION = 14  # of ONNX's RNN, GRU and LSTM
# By PyTorch's mode: ONNX's operator, the order of its gates in PyTorch's weights, and
# attributes.
OPERATORS: dict[str, tuple[str, tuple[int, ...], dict[str, Any]]] = {
    "LSTM": ("LSTM", (0, 3, 1, 2), {}),  # input, output, forget, cell
    "GRU": ("GRU", (1, 0, 2), {"linear_before_reset": 1}),  # update, reset, new
    "RNN_TANH": ("RNN", (0,), {}),
    "RNN_RELU": ("RNN", (0,), {"activations": ["Relu", "Relu"]}),
}


def run_ragged(rnn: nn.RNNBase, xs: Tensor, lengths: Tensor | None, state: Any = None) -> tuple[Tensor, Any]:
    """Run recurrent layers as if each utterance of the batch were alone.

    Args:
        rnn: `nn.LSTM`, `nn.GRU` or `nn.RNN` with `batch_first`, of any number of layers
            and directions.
        xs: (B, T, F).
        lengths: (B,) int64, at most T; None for T each. An utterance of length 0 gives
            zeros.
        state: state of `rnn` for a batch, a tensor (layers · directions, B, S) or a
            pair of them; None for zeros.

    Returns:
        (B, T, directions · S), zeros beyond each utterance, and the state at each
        utterance's end. The state of an utterance of length 0 is of no use.
    """
    if hasattr(torch.onnx, "ops") and torch.compiler.is_exporting():
        return _as_operators(rnn, xs, lengths, state)
    if lengths is None:
        return rnn(xs, state)
    packed = pack_padded_sequence(xs, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
    output, state = rnn(packed, state)
    output, _ = pad_packed_sequence(output, batch_first=True, total_length=xs.shape[1])
    return output.masked_fill((lengths == 0)[:, None, None], 0.0), state


def _as_operators(rnn: nn.RNNBase, xs: Tensor, lengths: Tensor | None, state: Any) -> tuple[Tensor, Any]:
    """`run_ragged` in terms of ONNX's operators, which read and give time first."""
    directions = 1 + rnn.bidirectional
    lengths = None if lengths is None else lengths.to(torch.int32)
    states: tuple[Tensor, ...] = state if isinstance(state, tuple) else () if state is None else (state,)
    xs, ends = xs.transpose(0, 1), []
    for layer in range(rnn.num_layers):
        rows = slice(layer * directions, (layer + 1) * directions)
        output, *end = _operator(rnn, layer, xs, lengths, [part[rows] for part in states])
        xs = output.transpose(1, 2).flatten(2)  # (T, directions, B, S) → (T, B, directions · S)
        ends.append(end)
    last = tuple(torch.cat(parts) for parts in zip(*ends, strict=True))
    return xs.transpose(0, 1), last if rnn.mode == "LSTM" else last[0]


def _operator(rnn: nn.RNNBase, layer: int, xs: Tensor, lengths: Tensor | None, state: list[Tensor]) -> Sequence[Tensor]:
    """One layer as one ONNX operator: xs (T, B, F) → (T, directions, B, S), and states
    (directions, B, S)."""
    operator, order, attributes = OPERATORS[rnn.mode]
    directions = 1 + rnn.bidirectional
    weights = [_weights(rnn, f"l{layer}{suffix}", order) for suffix in ("", "_reverse")[:directions]]
    inputs = [xs, *(torch.stack(parts) for parts in zip(*weights, strict=True)), lengths, *state]
    size = (directions, xs.shape[1], rnn.hidden_size)
    count = 2 if operator == "LSTM" else 1
    if "activations" in attributes:
        attributes = {"activations": attributes["activations"][:directions]}
    direction = "bidirectional" if rnn.bidirectional else "forward"
    return torch.onnx.ops.symbolic_multi_out(
        operator,
        inputs,
        {"hidden_size": rnn.hidden_size, "direction": direction, **attributes},
        dtypes=[xs.dtype] * (1 + count),
        shapes=[(xs.shape[0], *size), *[size] * count],
        version=OPERATOR_VERSION,
    )


def _weights(rnn: nn.RNNBase, name: str, order: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Weights of the input and of the state, and both biases, of one layer and
    direction, in ONNX's order of gates."""
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if rnn.bias else ("weight_ih", "weight_hh")
    parts = []
    for kind in kinds:
        gates = getattr(rnn, f"{kind}_{name}").chunk(len(order))
        parts.append(torch.cat([gates[index] for index in order]))
    bias = torch.cat(parts[2:]) if rnn.bias else parts[0].new_zeros(2 * len(parts[0]))
    return parts[0], parts[1], bias
