"""Recurrent prediction network (Graves 2012)."""

from __future__ import annotations

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive, require_rates
from espnet.nets.pytorch_backend.rnn.stack import RNN_TYPES, run_stack
from espnet.nets.pytorch_backend.transformer.cache import continued, entries_of, stacked
from espnet2.asr_transducer.decoder.abs_decoder import AbsDecoder, label_embedding
from espnet2.interface import spec


class RNNDecoder(AbsDecoder):
    """Embedding and recurrent layers, one after the other.

    Args:
        vocab_size: V, with the blank.
        embed_size: of the embedding.
        hidden_size: D.
        rnn_type: one of `RNN_TYPES`.
        num_layers: recurrent layers.
        dropout_rate: dropout of each recurrent layer's output.
        embed_dropout_rate: dropout of the embedding.
        embed_pad: label whose embedding is zero: the blank, with which every sequence starts.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        embed_size: int = 256,
        hidden_size: int = 256,
        rnn_type: str = "lstm",
        num_layers: int = 1,
        dropout_rate: float = 0.0,
        embed_dropout_rate: float = 0.0,
        embed_pad: int = 0,
    ):
        super().__init__()
        require_positive(vocab_size=vocab_size, embed_size=embed_size, hidden_size=hidden_size, num_layers=num_layers)
        require_rates(dropout_rate=dropout_rate, embed_dropout_rate=embed_dropout_rate)
        make, self.state_names = choose("rnn_type", rnn_type, RNN_TYPES)
        self.vocab_size, self.output_size = vocab_size, hidden_size
        self.embed = label_embedding(vocab_size, embed_size, embed_pad)
        self.dropout_embed = nn.Dropout(embed_dropout_rate)
        sizes = [embed_size] + [hidden_size] * (num_layers - 1)
        self.rnn = nn.ModuleList(make(size, hidden_size, batch_first=True) for size in sizes)
        self.dropout_rnn = nn.ModuleList(nn.Dropout(dropout_rate) for _ in sizes)

    def forward(self, labels: Tensor) -> Tensor:
        """See the base class."""
        zeros = self.embed.weight.new_zeros(len(labels), self.output_size)
        return self._advance(labels, [[zeros] * len(self.rnn)] * len(self.state_names))[0]

    def step(self, tokens: Tensor, parents: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """See the base class."""
        entries = entries_of(parents, states[0])
        x, after = self._advance(tokens.flatten().unsqueeze(1), [continued(state, entries) for state in states])
        return x.squeeze(1).unflatten(0, parents.shape), *(stacked(layers, parents) for layers in after)

    def _advance(self, labels: Tensor, states: list[list[Tensor]]) -> tuple[Tensor, list[list[Tensor]]]:
        x = self.dropout_embed(self.embed(labels))
        return run_stack(zip(self.rnn, self.dropout_rnn, strict=True), x, states)

    def states(self) -> tuple[spec.Tensor, ...]:
        """`hidden`, and `cell` of LSTMs."""
        axes = (len(self.rnn), "batch", "parent", self.output_size)
        return tuple(spec.Tensor(name, axes) for name in self.state_names)
