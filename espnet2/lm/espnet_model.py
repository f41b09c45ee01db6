"""A language model with its start and end symbols, as the LM task builds it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pad
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet2.interface.spec import Component
from espnet2.lm.abs_model import AbsLM
from espnet2.train.abs_espnet_model import AbsESPnetModel


class ESPnetLanguageModel(AbsESPnetModel):
    """Language model with loss: text to negative log-likelihood.

    Args:
        lm: the language model.
        vocab_size: V; the last token is start and end symbol.
        ignore_id: the padding's token.
    """

    @typechecked
    def __init__(self, lm: AbsLM, vocab_size: int, ignore_id: int = 0):
        super().__init__()
        self.lm = lm
        self.sos = self.eos = vocab_size - 1
        self.ignore_id = ignore_id

    def parts(self) -> tuple[tuple[torch.nn.Module, Component], ...]:
        """Return the parts of the model, each a module with its component."""
        return tuple((self.lm, component) for component in self.lm.components())

    def nll(self, text: Tensor, text_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Negative log-likelihood of every token, in nats.

        Args:
            text: (B, U) int64.
            text_lengths: (B,) int64.

        Returns:
            (B, U + 1) for the tokens and the end symbol, 0 at padding; and (B,) their number.
        """
        text = text[:, : int(text_lengths.max())]
        target = pad(text, (0, 1), value=self.ignore_id).scatter(1, text_lengths.unsqueeze(1), self.eos)
        scores, _ = self.lm(pad(text, (1, 0), value=self.sos), None)
        nll = cross_entropy(scores.transpose(1, 2), target, reduction="none")
        return nll.masked_fill(make_pad_mask(text_lengths + 1, nll.shape[1]), 0.0), text_lengths + 1

    def batchify_nll(self, text: Tensor, text_lengths: Tensor, batch_size: int = 100) -> tuple[Tensor, Tensor]:
        """`nll`, with `batch_size` texts at a time."""
        longest = int(text_lengths.max()) + 1
        batches = zip(text.split(batch_size), text_lengths.split(batch_size), strict=True)
        losses = [pad(nll, (0, longest - nll.shape[1])) for nll, _ in (self.nll(*batch) for batch in batches)]
        return torch.cat(losses), text_lengths + 1

    def forward(self, text: Tensor, text_lengths: Tensor, **kwargs: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Mean negative log-likelihood per token of a batch (see `nll`), as loss, statistics and weight."""
        nll, lengths = self.nll(text, text_lengths)
        count = lengths.sum()
        loss = nll.sum() / count
        return loss, {"loss": loss.detach()}, count

    def collect_feats(self, text: Tensor, text_lengths: Tensor, **kwargs: Tensor) -> dict[str, Tensor]:
        """Return no features: statistics of texts need none."""
        return {}
