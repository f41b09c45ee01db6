"""Prediction network of a transducer (Graves 2012): a recurrent language model without an output layer."""

from __future__ import annotations

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive, require_rates
from espnet.nets.pytorch_backend.rnn.stack import RNN_TYPES, run_stack
from espnet.nets.pytorch_backend.transformer.cache import continued, entries_of, hypotheses, stacked
from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.runtime import spec


class TransducerDecoder(AbsDecoder):
    """Embedding and recurrent layers, one after the other, over the labels so far.

    Args:
        vocab_size: V, with the blank.
        rnn_type: one of `RNN_TYPES`.
        num_layers: recurrent layers.
        hidden_size: D, of the embedding too.
        dropout: dropout of each recurrent layer's output.
        dropout_embed: dropout of the embedding.
        embed_pad: the label whose embedding is zero: the blank, with which every sequence starts.
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

    # Unlike other decoders, this one never reads the encoder's output.
    def forward(self, labels: Tensor) -> Tensor:  # type: ignore[override]
        """Read known labels: (B, U) int64, the blank first → (B, U, D)."""
        states = [labels.new_zeros((len(self.decoder), len(labels), self.hidden_size), dtype=self.embed.weight.dtype)]
        return self._advance(labels, [list(state.unbind()) for state in states * len(self.state_names)])[0]

    def step(self, tokens: Tensor, parents: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Read the last label of every hypothesis.

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

    def components(self) -> tuple[spec.Component, ...]:
        """`decoder_step`: what the labels so far predict, with the recurrent layers' states."""
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
