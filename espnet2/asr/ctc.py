"""Connectionist temporal classification (Graves et al. 2006): token log-probabilities of every frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import by_rows, require_rates
from espnet2.interface import spec
from espnet2.interface.errors import TrainingError

TRAINED_TYPES = ("builtin", "builtin2")
CTC_TYPES = (*TRAINED_TYPES, "gtnctc", "brctc")


class CTC(nn.Module):
    """A linear layer over the encoder's output; the first of its classes is the blank.

    Args:
        odim: V, with the blank.
        encoder_output_size: D.
        dropout_rate: dropout of the encoder's output, in training.
        ctc_type: the training loss, one of `CTC_TYPES`: "builtin" is PyTorch's; "builtin2" leaves out utterances
            that are too short for their texts. The others need packages that are not used here. Scores do not depend
            on it, nor on the options that follow.
        reduce: add up the losses of a batch.
        zero_infinity: an utterance that is too short for its text has loss 0 ("builtin").

    Raises:
        ValueError: `ctc_type` is not a known one.
    """

    @typechecked
    def __init__(
        self,
        odim: int,
        encoder_output_size: int,
        dropout_rate: float = 0.0,
        ctc_type: str = "builtin",
        reduce: bool = True,
        ignore_nan_grad: bool | None = None,
        zero_infinity: bool = True,
        brctc_risk_strategy: str = "exp",
        brctc_group_strategy: str = "end",
        brctc_risk_factor: float = 0.0,
    ):
        super().__init__()
        require_rates(dropout_rate=dropout_rate)
        if ctc_type not in CTC_TYPES:
            raise ValueError(f"unknown ctc_type {ctc_type!r}; known ones: {', '.join(CTC_TYPES)}")
        self.ctc_lo = nn.Linear(encoder_output_size, odim)
        self.dropout = nn.Dropout(dropout_rate)
        self.ctc_type = ctc_type
        self.reduce = reduce
        self.zero_infinity = zero_infinity

    def forward(self, hs_pad: Tensor, hlens: Tensor, ys_pad: Tensor, ys_lens: Tensor) -> Tensor:
        """The loss: negative log-probabilities of texts, divided by how many there are.

        Args:
            hs_pad: (B, T, D) encoder output.
            hlens: (B,) its lengths.
            ys_pad: (B, U) int64 texts.
            ys_lens: (B,) their lengths.

        Returns:
            A scalar, or (B,) without `reduce`.

        Raises:
            TrainingError: a `ctc_type` without a loss here.
        """
        if self.ctc_type not in TRAINED_TYPES:
            raise TrainingError(f"ctc_type: expected one of {', '.join(TRAINED_TYPES)}, found {self.ctc_type!r}")
        log_probs = self.ctc_lo(self.dropout(hs_pad)).float().log_softmax(dim=-1).transpose(0, 1)
        keep = self.zero_infinity and self.ctc_type == "builtin"
        losses = nn.functional.ctc_loss(
            log_probs, ys_pad.clamp(min=0), hlens, ys_lens, reduction="none", zero_infinity=keep
        )
        if self.ctc_type == "builtin2":
            losses = losses[losses.isfinite()]
        losses = losses / max(len(losses), 1)
        return losses.sum() if self.reduce else losses

    def softmax(self, hs_pad: Tensor) -> Tensor:
        """Encoder output (B, T, D) → probabilities (B, T, V)."""
        return torch.softmax(by_rows(self.ctc_lo, hs_pad), dim=-1)

    def log_softmax(self, hs_pad: Tensor) -> Tensor:
        """Encoder output (B, T, D) → log-probabilities (B, T, V)."""
        return torch.log_softmax(by_rows(self.ctc_lo, hs_pad), dim=-1)

    def argmax(self, hs_pad: Tensor) -> Tensor:
        """Encoder output (B, T, D) → the best token of every frame (B, T), int64."""
        return self.ctc_lo(hs_pad).argmax(dim=-1)

    def components(self) -> tuple[spec.Component, ...]:
        """`ctc`: log-probabilities of the tokens for every frame."""
        component = spec.Component(
            name="ctc",
            method="log_softmax",
            inputs=(spec.Tensor("encoder_out", ("batch", "frames", self.ctc_lo.in_features)),),
            outputs=(spec.Tensor("ctc_log_probs", ("batch", "frames", self.ctc_lo.out_features)),),
        )
        return (component,)
