"""Recurrent layers, each followed by dropout, over label sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import Tensor, nn

# Each with the names of its states.
RNN_TYPES: dict[str, tuple[Callable[..., nn.RNNBase], tuple[str, ...]]] = {
    "lstm": (nn.LSTM, ("hidden", "cell")),
    "gru": (nn.GRU, ("hidden",)),
}


def run_stack(
    layers: Iterable[tuple[nn.Module, nn.Module]], x: Tensor, states: list[list[Tensor]]
) -> tuple[Tensor, list[list[Tensor]]]:
    """Run layers one after the other.

    Args:
        layers: pairs of a recurrent layer, `batch_first`, and the dropout of its output.
        x: (B, U, D).
        states: each state's layers, (B, S) each.

    Returns:
        (B, U, S) and the states after the last label, as `states`.
    """
    after: list[list[Tensor]] = [[] for _ in states]
    for index, (rnn, drop) in enumerate(layers):
        given = [parts[index].unsqueeze(0) for parts in states]
        x, state = rnn(x, tuple(given) if len(given) > 1 else given[0])
        x = drop(x)
        for kept, part in zip(after, state if len(given) > 1 else (state,), strict=True):
            kept.append(part.squeeze(0))
    return x, after
