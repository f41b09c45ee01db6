"""Loss of attention with several heads."""

from __future__ import annotations

from torch import Tensor

from espnet.nets.pytorch_backend.e2e_tts_tacotron2 import GuidedAttentionLoss


class GuidedMultiHeadAttentionLoss(GuidedAttentionLoss):
    """`GuidedAttentionLoss` of all heads; the options are the same."""

    def forward(self, att_ws: Tensor, ilens: Tensor, olens: Tensor) -> Tensor:
        """Attention weights (B, H, T, U), tokens (B,) and steps (B,) → the loss."""
        heads = att_ws.shape[1]
        return super().forward(att_ws.flatten(0, 1), ilens.repeat_interleave(heads), olens.repeat_interleave(heads))
