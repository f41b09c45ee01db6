"""Block of linear attention and a feed-forward layer, both of which also read the previous label (Peng et al. 2023)."""

from __future__ import annotations

from torch import Tensor, nn

from espnet2.asr_transducer.decoder.modules.rwkv.attention import SelfAttention
from espnet2.asr_transducer.decoder.modules.rwkv.feed_forward import FeedForward


class RWKV(nn.Module):
    """Linear attention and feed-forward layer, each with a normalised input and a residual connection.

    Args:
        layer_norm_att, layer_norm_ffn: normalisations of D features, before each layer.
        att, ffn: attention and feed-forward layer.
        att_dropout_rate, ffn_dropout_rate: dropout of their outputs.
    """

    def __init__(
        self,
        layer_norm_att: nn.Module,
        layer_norm_ffn: nn.Module,
        att: SelfAttention,
        ffn: FeedForward,
        att_dropout_rate: float = 0.0,
        ffn_dropout_rate: float = 0.0,
    ):
        super().__init__()
        self.layer_norm_att = layer_norm_att
        self.layer_norm_ffn = layer_norm_ffn
        self.att = att
        self.dropout_att = nn.Dropout(att_dropout_rate)
        self.ffn = ffn
        self.dropout_ffn = nn.Dropout(ffn_dropout_rate)

    def forward(self, x: Tensor) -> Tensor:
        """(B, U, D) → (B, U, D)."""
        normed = self.layer_norm_att(x)
        x = x + self.dropout_att(self.att(normed, _before(normed)))
        normed = self.layer_norm_ffn(x)
        return x + self.dropout_ffn(self.ffn(normed, _before(normed)))

    def step(self, x: Tensor, att_before: Tensor, ffn_before: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Process one label.

        Args:
            x: (B, D).
            att_before, ffn_before: (B, D), previous inputs of attention and feed-forward layer; zeros at first.
            state: (B, A) each, states of the attention.

        Returns:
            (B, D), and the states after the label.
        """
        att_here = self.layer_norm_att(x)
        attended, state = self.att.step(att_here, att_before, *state)
        x = x + self.dropout_att(attended)
        ffn_here = self.layer_norm_ffn(x)
        return x + self.dropout_ffn(self.ffn(ffn_here, ffn_before)), att_here, ffn_here, *state


def _before(x: Tensor) -> Tensor:
    """The label before each of x (B, U, D), zeros before the first."""
    return nn.functional.pad(x, (0, 0, 1, -1))
