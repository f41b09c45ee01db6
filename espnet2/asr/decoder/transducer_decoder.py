"""Prediction network of a transducer (Graves 2012): a recurrent language model without an output layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive, require_rates
from espnet.nets.pytorch_backend.rnn.stack import RNN_TYPES, run_stack
from espnet.nets.pytorch_backend.transformer.cache import continued, entries_of, hypotheses, stacked
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.interface import spec

State = tuple[Tensor, Tensor | None]  # hidden and cell (layers, B, D); None where a layer has no cell


class TransducerDecoder(AbsDecoder):
    """Embedding and recurrent layers, one after the other, over the labels so far.

    Args:
        vocab_size: V, with the blank.
        rnn_type: one of `RNN_TYPES`.
        num_layers: recurrent layers.
        hidden_size: D, of the embedding too.
        dropout: dropout of each recurrent layer's output.
        dropout_embed: dropout of the embedding.
        embed_pad: label whose embedding is zero: the blank, with which every sequence starts.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        rnn_type: str = "lstm",
        num_layers: int = 1,
        hidden_size: int = 320,
        dropout: float = 0.0,
        dropout_embed: float = 0.0,
        embed_pad: int = 0,
    ):
        super().__init__()
        require_positive(num_layers=num_layers, hidden_size=hidden_size)
        require_rates(dropout=dropout, dropout_embed=dropout_embed)
        make, self.state_names = choose("rnn_type", rnn_type, RNN_TYPES)
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.embed = nn.Embedding(vocab_size, hidden_size, padding_idx=embed_pad)
        self.dropout_embed = nn.Dropout(dropout_embed)
        self.decoder = nn.ModuleList(make(hidden_size, hidden_size, batch_first=True) for _ in range(num_layers))
        self.dropout_dec = nn.ModuleList(nn.Dropout(dropout) for _ in range(num_layers))

    def output_size(self) -> int:
        """D."""
        return self.hidden_size

    # Unlike other decoders, a prediction network does not read the encoder's output.
    def forward(self, labels: Tensor) -> Tensor:  # type: ignore[override]
        """Process known labels: (B, U) int64, the blank first → (B, U, D)."""
        states = [labels.new_zeros((len(self.decoder), len(labels), self.hidden_size), dtype=self.embed.weight.dtype)]
        return self._advance(labels, [list(state.unbind()) for state in states * len(self.state_names)])[0]

    def step(self, tokens: Tensor, parents: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Process the last label of every hypothesis.

        Args:
            tokens: (B, beam) int64.
            parents: (B, beam) int64, which hypothesis of the step before it continues.
            states: (layers, B, parent, D) each; zeros before the first step.

        Returns:
            (B, beam, D), and the next states (layers, B, beam, D).
        """
        entries = entries_of(parents, states[0])
        x, after = self._advance(tokens.flatten().unsqueeze(1), [continued(state, entries) for state in states])
        return x.squeeze(1).unflatten(0, parents.shape), *(stacked(layers, parents) for layers in after)

    def _advance(self, labels: Tensor, states: list[list[Tensor]]) -> tuple[Tensor, list[list[Tensor]]]:
        """labels (B, U) and each state's layers (B, D) → (B, U, D) and the states after the last label."""
        x = self.dropout_embed(self.embed(labels))
        return run_stack(zip(self.decoder, self.dropout_dec, strict=True), x, states)

    # Methods of upstream's searches, which keep states beside hypotheses (`yseq`, `dec_state`).

    def set_device(self, device: torch.device) -> None:
        """Do nothing: tensors are made on the parameters' device."""

    def init_state(self, batch_size: int) -> State:
        """State of `batch_size` hypotheses before the first label."""
        zeros = self.embed.weight.new_zeros(len(self.decoder), batch_size, self.hidden_size)
        return zeros, zeros.clone() if len(self.state_names) > 1 else None

    def select_state(self, states: State, idx: int) -> State:  # type: ignore[override]  # upstream's arguments
        """State of hypothesis `idx` alone."""
        hidden, cell = states
        return hidden[:, idx : idx + 1], None if cell is None else cell[:, idx : idx + 1]

    def create_batch_states(
        self, states: State, new_states: Sequence[State], check_list: Sequence[Any] | None = None
    ) -> State:
        """One state of hypotheses from a state of each; `states` and `check_list` are not used."""
        hidden, cells = zip(*new_states, strict=True)
        return torch.cat(hidden, dim=1), None if cells[0] is None else torch.cat(cells, dim=1)

    def score(self, hyp: Any, cache: dict[str, Any]) -> tuple[Tensor, State, Tensor]:  # type: ignore[override]
        """Process the last label of a hypothesis.

        Args:
            hyp: with `yseq`, its labels, and `dec_state`, the state before the last.
            cache: outputs and states of label sequences processed before, to which this one is added.

        Returns:
            (D,), the state after the label, and the label (1,) int64.
        """
        out, state = self._read(hyp, cache)
        return out[0], state, self._last([hyp])

    def batch_score(
        self, hyps: Sequence[Any], dec_states: State, cache: dict[str, Any], use_lm: bool
    ) -> tuple[Tensor, State, Tensor | None]:
        """Process the last label of each hypothesis; every hypothesis has its own state.

        Returns:
            (H, D), the states after the labels, and for a language model the labels (H, 1) int64.
        """
        read = [self._read(hyp, cache) for hyp in hyps]
        states = self.create_batch_states(dec_states, [state for _, state in read])
        return torch.cat([out for out, _ in read]), states, self._last(hyps).unsqueeze(1) if use_lm else None

    def _read(self, hyp: Any, cache: dict[str, Any]) -> tuple[Tensor, State]:
        """`step` for one hypothesis, unless its labels are in the cache: (1, D), and the state."""
        key = "_".join(map(str, hyp.yseq))
        if key not in cache:
            label = self._last([hyp]).unsqueeze(1)
            parts = [part.unsqueeze(1) for part in hyp.dec_state if part is not None]
            out, *after = self.step(label, torch.zeros_like(label), *parts)
            cache[key] = out, (after[0].squeeze(1), after[1].squeeze(1) if len(after) > 1 else None)
        out, state = cache[key]
        return out.reshape(1, -1), state

    def _last(self, hyps: Sequence[Any]) -> Tensor:
        return torch.tensor([hyp.yseq[-1] for hyp in hyps], device=self.embed.weight.device)

    def components(self) -> tuple[spec.Component, ...]:
        """`decoder_step`: the prediction network's output, with the states of the recurrent layers."""
        layers, size = len(self.decoder), self.hidden_size
        component = spec.Component(
            name="decoder_step",
            method="step",
            inputs=hypotheses(self.vocab_size),
            outputs=(spec.Tensor("decoder_out", ("batch", "beam", size)),),
            states=tuple(
                spec.State(
                    spec.Tensor(name, (layers, "batch", "parent", size)),
                    spec.Tensor(f"next_{name}", (layers, "batch", "beam", size)),
                )
                for name in self.state_names
            ),
            initial={"parent": 1},
        )
        return (component,)
