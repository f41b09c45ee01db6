"""Attention whose mask is a bias that is added to the scores."""

import torch


class MultiHeadedAttention:
    def forward_attention(self, value, scores, mask):
        """Weight the values by the softmax of the scores, and project the result.

        A mask is added to the scores as a bias: 0 at visible keys, elsewhere half the
        lowest number, of which the softmax is exactly 0. It is finite, because a row
        of -inf has no softmax, and half, because a score is added to it.

        Args:
            value (torch.Tensor): Values (B, H, T2, D / H).
            scores (torch.Tensor): Scores (B, H, T1, T2).
            mask (torch.Tensor): Zero at hidden keys, (B, 1, T2) or (B, T1, T2); None
                where all are visible.

        Returns:
            torch.Tensor: (B, T1, D). The weights (B, H, T1, T2), before dropout, are
            kept as `attn`; those of a query whose keys are all hidden are zeros.

        """
        if mask is None:
            self.attn = torch.softmax(scores, dim=-1)
        else:
            hidden = mask.unsqueeze(1).eq(0)
            lowest = torch.finfo(scores.dtype).min / 2
            bias = torch.zeros_like(hidden, dtype=scores.dtype)
            bias = bias.masked_fill(hidden, lowest)
            seen = (~hidden).any(dim=-1, keepdim=True).to(scores.dtype)
            self.attn = torch.softmax(scores + bias, dim=-1) * seen
        x = torch.matmul(self.dropout(self.attn), value)
        return self.linear_out(x.transpose(1, 2).flatten(-2))
