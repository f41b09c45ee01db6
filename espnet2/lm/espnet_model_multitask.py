"""Multitask language model of texts that consist of a prompt and an answer (VoxtLM's format)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask, require_rates
from espnet2.interface.spec import Component
from espnet2.lm.abs_model import AbsLM
from espnet2.train.abs_espnet_model import AbsESPnetModel


class ESPnetMultitaskLanguageModel(AbsESPnetModel):
    """Text to negative log-likelihood (Maiti et al. 2024).

    Args:
        lm: the language model.
        vocab_size: V.
        token_list: the vocabulary.
        ignore_id: the token that losses ignore.
        lsm_weight: weight of label smoothing (Szegedy et al. 2016).
        length_normalized_loss: average the loss per token rather than per text.
        sos_syms: symbols after which the answer begins, in order of precedence.
        eos_sym: the symbol that ends it.

    Raises:
        ValueError: one of the symbols is not in `token_list`.
    """

    @typechecked
    def __init__(
        self,
        lm: AbsLM,
        vocab_size: int,
        token_list: tuple[str, ...] | list[str],
        ignore_id: int = 0,
        lsm_weight: float = 0.0,
        length_normalized_loss: bool = False,
        sos_syms: list[str] = ["<generatetext>", "<generatespeech>"],  # noqa: B006 - never changed; the schema's default
        eos_sym: str = "<sos/eos>",
    ):
        super().__init__()
        require_rates(lsm_weight=lsm_weight)
        absent = [symbol for symbol in (*sos_syms, eos_sym) if symbol not in token_list]
        if absent:
            raise ValueError(f"sos_syms and eos_sym: expected symbols of the token list, found {absent[0]!r}")
        self.lm = lm
        self.vocab_size = vocab_size
        self.token_list = token_list
        self.sos_ids = [token_list.index(symbol) for symbol in sos_syms]
        self.eos_id = token_list.index(eos_sym)
        self.ignore_id = ignore_id
        self.lsm_weight = lsm_weight
        self.length_normalized_loss = length_normalized_loss

    def parts(self) -> tuple[tuple[torch.nn.Module, Component], ...]:
        """Return the parts of the model, each a module with its component."""
        return tuple((self.lm, component) for component in self.lm.components())

    def nll(self, text: Tensor, text_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Negative log-likelihood, in nats, of every token from the third on and of the end.

        The first token only marks the beginning of a text; the model does not read it.

        Args:
            text: (B, U) int64.
            text_lengths: (B,) int64.

        Returns:
            (B, U - 1), 0 at padding; and (B,) their number.
        """
        log_probs, target, lengths = self._scored(text, text_lengths)
        nll = -log_probs.gather(-1, target.unsqueeze(-1)).squeeze(-1)
        return nll.masked_fill(make_pad_mask(lengths, nll.shape[1]), 0.0), lengths

    def batchify_nll(self, text: Tensor, text_lengths: Tensor, batch_size: int = 100) -> tuple[Tensor, Tensor]:
        """`nll`, with `batch_size` texts at a time."""
        longest = int(text_lengths.max()) - 1
        batches = zip(text.split(batch_size), text_lengths.split(batch_size), strict=True)
        losses = [pad(nll, (0, longest - nll.shape[1])) for nll, _ in (self.nll(*batch) for batch in batches)]
        return torch.cat(losses), text_lengths - 1

    def forward(self, text: Tensor, text_lengths: Tensor, **kwargs: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Loss of the answers of a batch, with label smoothing: loss, statistics and weight.

        Args:
            text: (B, U) int64.
            text_lengths: (B,) int64.
        """
        log_probs, target, lengths = self._scored(text, text_lengths)
        within = text.masked_fill(make_pad_mask(text_lengths, text.shape[1]), self.eos_id)
        before = torch.arange(target.shape[1], device=text.device) < self._answers(within[:, 1:]).unsqueeze(1)
        known = ~(make_pad_mask(lengths, target.shape[1]) | before) & (target != self.ignore_id)
        wanted = torch.full_like(log_probs, self.lsm_weight / (self.vocab_size - 1))
        wanted = wanted.scatter(-1, target.unsqueeze(-1), 1.0 - self.lsm_weight)
        divergence = (torch.special.xlogy(wanted, wanted) - wanted * log_probs).sum(dim=-1)
        loss = divergence.masked_fill(~known, 0.0).sum() / (known.sum() if self.length_normalized_loss else len(text))
        right = ((log_probs.argmax(dim=-1) == target) & known).sum() / known.sum()
        return loss, {"loss": loss.detach(), "acc": right}, torch.tensor(len(text), device=text.device)

    def collect_feats(self, text: Tensor, text_lengths: Tensor, **kwargs: Tensor) -> dict[str, Tensor]:
        """Return no features: statistics of texts need none."""
        return {}

    def _scored(self, text: Tensor, text_lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-probabilities (B, U - 1, V) after the second token and all later ones, the tokens there, and lengths."""
        text, lengths = text[:, 1 : int(text_lengths.max())], text_lengths - 1
        padding = make_pad_mask(lengths, text.shape[1])
        target = pad(text[:, 1:], (0, 1)).scatter(1, (lengths - 1).unsqueeze(1), self.eos_id)
        scores, _ = self.lm(text.masked_fill(padding, self.eos_id), None)
        return scores.log_softmax(dim=-1), target.masked_fill(padding, self.eos_id), lengths

    def _answers(self, text: Tensor) -> Tensor:
        """Start of the answer in each text (B, U): (B,), at the first of `sos_ids` that the text has, 0 without one."""
        begins = text.new_zeros(len(text))
        for token in reversed(self.sos_ids):
            found = text == token
            begins = torch.where(found.any(dim=1), found.int().argmax(dim=1), begins)
        return begins
