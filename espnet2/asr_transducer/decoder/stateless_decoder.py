"""Prediction network without memory (Ghodsi et al. 2020, "RNN-transducer with stateless prediction network")."""

from __future__ import annotations

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive, require_rates
from espnet2.asr_transducer.decoder.abs_decoder import AbsDecoder, label_embedding
from espnet2.interface import spec


class StatelessDecoder(AbsDecoder):
    """Embedding of the last label.

    Args:
        vocab_size: V, with the blank.
        embed_size: D.
        embed_dropout_rate: dropout of the embedding.
        embed_pad: label whose embedding is zero: the blank, with which every sequence starts.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        embed_size: int = 256,
        embed_dropout_rate: float = 0.0,
        embed_pad: int = 0,
    ):
        super().__init__()
        require_positive(vocab_size=vocab_size, embed_size=embed_size)
        require_rates(embed_dropout_rate=embed_dropout_rate)
        self.vocab_size, self.output_size = vocab_size, embed_size
        self.embed = label_embedding(vocab_size, embed_size, embed_pad)
        self.embed_dropout_rate = nn.Dropout(embed_dropout_rate)

    def forward(self, labels: Tensor) -> Tensor:
        """See the base class."""
        return self.embed_dropout_rate(self.embed(labels))

    def step(self, tokens: Tensor) -> Tensor:
        """See the base class."""
        return self(tokens)

    def states(self) -> tuple[spec.Tensor, ...]:
        """None."""
        return ()
