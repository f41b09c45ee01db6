"""Losses of JETS (Lim et al. 2022) beside those of HiFi-GAN."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import ctc_loss, pad

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet2.tts.fastspeech2.loss import VarianceLoss

__all__ = ["BLANK_PROBABILITY", "ForwardSumLoss", "VarianceLoss"]

BLANK_PROBABILITY = math.exp(-1)


class ForwardSumLoss(nn.Module):
    """Negative log probability of all alignments of a text and its features (Badlani et al. 2022, section 2.1)."""

    def forward(
        self, log_p_attn: Tensor, ilens: Tensor, olens: Tensor, blank_prob: float = BLANK_PROBABILITY
    ) -> Tensor:
        """Sum over alignments by CTC, whose labels are the tokens' numbers.

        Args:
            log_p_attn: (B, T, U) log probabilities of tokens for each frame.
            ilens, olens: tokens and frames (B,).
            blank_prob: probability of the label between two tokens.

        Returns:
            The mean over texts of the loss of each token.
        """
        with_blank = pad(log_p_attn, (1, 0), value=math.log(blank_prob))
        padding = make_pad_mask(ilens + 1, with_blank.shape[2]).to(with_blank.device)
        # A finite number, so that gradients are: softmax gives a row of -inf, a padded frame's, NaN.
        scores = with_blank.masked_fill(padding.unsqueeze(1) | with_blank.isneginf(), -1e4).log_softmax(dim=-1)
        labels = torch.arange(1, with_blank.shape[2], device=with_blank.device).expand(len(ilens), -1)
        losses = ctc_loss(scores.transpose(0, 1), labels, olens, ilens, reduction="none", zero_infinity=True)
        return (losses / ilens).mean()
