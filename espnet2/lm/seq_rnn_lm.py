"""Recurrent language model (Mikolov et al. 2010): embedding, recurrent layers, linear layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive, require_rates
from espnet.nets.pytorch_backend.step_scorer import BatchSteppedScorer
from espnet.nets.pytorch_backend.transformer.cache import continued, entries_of, hypotheses, stacked
from espnet2.interface import spec
from espnet2.lm.abs_model import AbsLM

# Each with the names of its states.
RNN_TYPES: dict[str, tuple[Callable[..., nn.RNNBase], tuple[str, ...]]] = {
    "LSTM": (nn.LSTM, ("hidden", "cell")),
    "GRU": (nn.GRU, ("hidden",)),
    "RNN_TANH": (partial(nn.RNN, nonlinearity="tanh"), ("hidden",)),
    "RNN_RELU": (partial(nn.RNN, nonlinearity="relu"), ("hidden",)),
}


class SequentialRNNLM(BatchSteppedScorer, AbsLM):
    """Recurrent language model.

    A state has the form of PyTorch's recurrent layers: a tensor, or the pair (hidden, cell) of an LSTM.

    Args:
        vocab_size: V.
        unit: size of the embedding.
        nhid: S, size of the recurrent layers; `unit` by default.
        nlayers: number of recurrent layers.
        dropout_rate: dropout before, between and after them.
        tie_weights: the output layer's weights are those of the embedding.
        rnn_type: one of `RNN_TYPES`, in upper or lower case.
        ignore_id: the padding's token.

    Raises:
        ValueError: `rnn_type` is not a known one, or `tie_weights` with `nhid` other than `unit`.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        unit: int = 650,
        nhid: int | None = None,
        nlayers: int = 2,
        dropout_rate: float = 0.0,
        tie_weights: bool = False,
        rnn_type: str = "lstm",
        ignore_id: int = 0,
    ):
        super().__init__()
        require_positive(unit=unit, nhid=nhid or unit, nlayers=nlayers)
        require_rates(dropout_rate=dropout_rate)
        if rnn_type.upper() not in RNN_TYPES:
            raise ValueError(f"unknown rnn_type {rnn_type!r}; known ones: {', '.join(RNN_TYPES).lower()}")
        self.rnn_type, self.nhid, self.nlayers = rnn_type.upper(), nhid or unit, nlayers
        make, self.state_names = RNN_TYPES[self.rnn_type]
        self.drop = nn.Dropout(dropout_rate)
        self.encoder = nn.Embedding(vocab_size, unit, padding_idx=ignore_id)
        self.rnn = make(unit, self.nhid, nlayers, dropout=dropout_rate if nlayers > 1 else 0.0, batch_first=True)
        self.decoder = nn.Linear(self.nhid, vocab_size)
        if tie_weights:
            if self.nhid != unit:
                raise ValueError(f"tie_weights needs nhid to equal unit: {self.nhid} and {unit}")
            self.decoder.weight = self.encoder.weight

    def forward(self, input: Tensor, hidden: Any = None) -> tuple[Tensor, Any]:
        """Score known text.

        Args:
            input: (B, U) int64.
            hidden: state with tensors (layers, B, S); None for zeros.

        Returns:
            (B, U, V) scores before softmax, and the state after the last token.
        """
        output, hidden = self.rnn(self.drop(self.encoder(input)), hidden)
        return self.decoder(self.drop(output)), hidden

    def step(self, tokens: Tensor, parents: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Score the next token of every hypothesis.

        Args:
            tokens: (B, beam) int64, the last token of each hypothesis.
            parents: (B, beam) int64, which hypothesis of the step before it continues.
            states: (layers, B, parent, S) each; zeros before the first step.

        Returns:
            log-probabilities (B, beam, V), and the next states (layers, B, beam, S).
        """
        entries = entries_of(parents, states[0])
        state = self._joined([torch.stack(continued(state, entries)) for state in states])
        scores, state = self(tokens.flatten().unsqueeze(1), state)
        log_probs = torch.log_softmax(scores.squeeze(1), dim=-1).unflatten(0, parents.shape)
        return log_probs, *(stacked(part.unbind(), parents) for part in self._parts(state))

    def components(self) -> tuple[spec.Component, ...]:
        """`lm_step`: log-probabilities of the next token, with the recurrent layers' states."""
        vocab_size = self.decoder.out_features
        component = spec.Component(
            name="lm_step",
            method="step",
            inputs=hypotheses(vocab_size),
            outputs=(spec.Tensor("log_probs", ("batch", "beam", vocab_size)),),
            states=tuple(
                spec.State(
                    spec.Tensor(name, (self.nlayers, "batch", "parent", self.nhid)),
                    spec.Tensor(f"next_{name}", (self.nlayers, "batch", "beam", self.nhid)),
                )
                for name in self.state_names
            ),
            initial={"parent": 1},
        )
        return (component,)

    def zero_state(self) -> Any:
        """The state of one hypothesis before its first token: tensors (layers, S)."""
        return self._joined([self.decoder.weight.new_zeros(self.nlayers, self.nhid) for _ in self.state_names])

    def _joined(self, parts: Any) -> Any:
        """A state as PyTorch's layers take it, from its tensors."""
        return tuple(parts) if len(self.state_names) > 1 else parts[0]

    def _parts(self, state: Any) -> tuple[Tensor, ...]:
        """The tensors of a state."""
        return state if len(self.state_names) > 1 else (state,)
