"""Connectionist temporal classification (Graves et al. 2006): token scores of every frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_rates
from espnet2.runtime import spec

CTC_TYPES = ("builtin", "builtin2", "gtnctc", "brctc")


class CTC(nn.Module):
    """A linear layer over the encoder's output; the first of its classes is the blank.

    Args:
        odim: V, with the blank.
        encoder_output_size: D.
        ctc_type: the training loss, one of `CTC_TYPES`. The scores do not depend on it, nor on the other options.

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

    def softmax(self, hs_pad: Tensor) -> Tensor:
        """Encoder output (B, T, D) → probabilities (B, T, V)."""
        return torch.softmax(self.ctc_lo(hs_pad), dim=-1)

    def log_softmax(self, hs_pad: Tensor) -> Tensor:
        """Encoder output (B, T, D) → log-probabilities (B, T, V)."""
        return torch.log_softmax(self.ctc_lo(hs_pad), dim=-1)

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
