"""Self-attention with relative positions (Dai et al. 2019), over whole utterances or chunk by chunk."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from espnet.nets.pytorch_backend.transformer.attention import AttentionHeads
from espnet2.asr_transducer.encoder.abs_block import keep_last


def rel_shift(x: Tensor, keys: int) -> Tensor:
    """Move column Tq - i + j of row i to column j.

    Args:
        x: (B, H, Tq, Tk + Tq) scores of the relative positions Tk down to -(Tq-1).
        keys: Tk, at least Tq.

    Returns:
        (B, H, Tq, Tk), of which element (i, j) is the score of relative position Tk - Tq + i - j.
    """
    batch, heads, queries, positions = x.shape
    # Reshaped to rows that are one shorter, each row starts one position later than the row above.
    return x.flatten(-2)[..., queries:].view(batch, heads, queries, positions - 1)[..., :keys]


class RelPositionMultiHeadedAttention(AttentionHeads):
    """Self-attention with relative positions, over frames and a cache of earlier ones.

    Args:
        num_heads: H.
        embed_size: D, a multiple of H.
        dropout_rate: dropout of the attention weights.
        simplified_attention_score: a position's score does not depend on the query (icefall's simplification).
    """

    def __init__(
        self, num_heads: int, embed_size: int, dropout_rate: float = 0.0, simplified_attention_score: bool = False
    ):
        super().__init__(num_heads, embed_size, dropout_rate)
        self.simplified = simplified_attention_score
        if simplified_attention_score:
            self.linear_pos = nn.Linear(embed_size, num_heads)
            return
        self.linear_pos = nn.Linear(embed_size, embed_size, bias=False)
        self.pos_bias_u = nn.Parameter(torch.empty(self.h, self.d_k))
        self.pos_bias_v = nn.Parameter(torch.empty(self.h, self.d_k))
        nn.init.xavier_uniform_(self.pos_bias_u)
        nn.init.xavier_uniform_(self.pos_bias_v)

    def attend_self(self, x: Tensor, mask: Tensor | None, pos_emb: Tensor | None) -> Tensor:
        """Attend within whole utterances: x (B, T, D), `attention_bias` (B, 1, 1 or T, T), pos_emb (1, 2T-1, D) → (B,
        T, D)."""
        return self(x, pos_emb, mask)[0]

    def forward(self, x: Tensor, pos_enc: Tensor, bias: Tensor, right: int = 0, *caches: Tensor) -> tuple[Tensor, ...]:
        """Attend within whole utterances or, given a cache, within chunks and to their left context.

        Args:
            x: (B, T, D).
            pos_enc: (1 or B, L+2T-1, D), relative positions L+T-1 down to -(T-1); L is 0 without a cache.
            bias: (B, 1, 1 or T, L+T), `attention_bias`.
            right: look-ahead frames of x, which are not cached.
            caches: (B, L, D), input before x.

        Returns:
            (B, T, D), and the next cache.
        """
        seen, *kept = keep_last(caches[0], x, right) if caches else (x,)
        q = self.project_query(x)
        k, v = self.project_memory(seen, seen)
        scores = self.position_scores(q, pos_enc, seen.shape[1]) * self.d_k**-0.5
        if not self.simplified:
            q = q + self.pos_bias_u.unsqueeze(1)
        return self.attend(q, k, v, bias, scores), *kept

    def position_scores(self, q: Tensor, pos_enc: Tensor, keys: int) -> Tensor:
        """Scores of positions: q (B, H, T, D/H), pos_enc (1 or B, L+2T-1, D) → (B or 1, H, T, keys)."""
        # The shift needs one more position, whose score is not used.
        p = self.linear_pos(pad(pos_enc, (0, 0, 1, 0)))
        if self.simplified:
            rows = p.transpose(1, 2).unsqueeze(2)
            return rel_shift(rows.expand(-1, -1, q.shape[2], -1), keys)
        q = q + self.pos_bias_v.unsqueeze(1)
        return rel_shift(torch.matmul(q, self.split_heads(p).transpose(-2, -1)), keys)
