"""Multi-headed attention (Vaswani et al. 2017), also with relative positions (Dai et al. 2019).

Every variant ends in one softmax of scaled products plus a bias: the mask's, and the scores of relative positions where
there are some. It is written out, since `scaled_dot_product_attention` exports to a longer graph that moves more
memory: onnxruntime then takes up to 10 % longer for a decoder's step.
"""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, pad

from espnet.nets.pytorch_backend.nets_utils import by_rows, require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.mask import attention_bias, visible_rows

QUERY, KEY, VALUE, OUT = range(4)


def as_bias(mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """Convert a boolean mask to a bias; return a bias or None unchanged."""
    return attention_bias(mask, dtype) if mask is not None and mask.dtype == torch.bool else mask


class AttentionHeads(nn.Module, ABC):
    """Base of all variants: projections into heads, and the weighted sum of values.

    Args:
        n_head: H.
        n_feat: D, a multiple of H.
        dropout_rate: dropout of the attention weights.
        qk_norm: normalise queries and keys per head (Henry et al. 2020).

    Attributes:
        names: names in checkpoints of the projections of queries, keys, values and output.
        key_bias: whether the projection of keys has a bias.
    """

    names: ClassVar[tuple[str, str, str, str]] = ("linear_q", "linear_k", "linear_v", "linear_out")
    key_bias: ClassVar[bool] = True
    linear_q: nn.Module
    linear_k: nn.Module
    linear_v: nn.Module
    linear_out: nn.Module
    q_norm: nn.Module
    k_norm: nn.Module

    def __init__(self, n_head: int, n_feat: int, dropout_rate: float, qk_norm: bool = False):
        super().__init__()
        require_positive(attention_heads=n_head)
        require_rates(attention_dropout_rate=dropout_rate)
        if n_feat % n_head:
            raise ValueError(f"{n_feat} features cannot be divided among {n_head} attention heads")
        self.h = n_head
        self.d_k = n_feat // n_head
        self.dropout_rate = dropout_rate
        for index, name in enumerate(self.names):
            self.add_module(name, nn.Linear(n_feat, n_feat, bias=self.key_bias or index != KEY))
        self.softmax = nn.Softmax(dim=-1)  # a module, so that hooks on it see the weights
        for name in ("q_norm", "k_norm"):
            self.add_module(name, LayerNorm(self.d_k) if qk_norm else nn.Identity())

    @abstractmethod
    def attend_self(self, x: Tensor, mask: Tensor | None, pos_emb: Tensor | None) -> Tensor:
        """Self-attention with the signature that all variants share: x (B, T, D) → (B, T, D)."""

    def project(self, role: int, x: Tensor) -> Tensor:
        """Apply the projection of `role`, an index into `names`: (..., D) → (..., D)."""
        return by_rows(getattr(self, self.names[role]), x)

    def split_heads(self, x: Tensor) -> Tensor:
        """x (B, T, D) → (B, H, T, D/H)."""
        return x.unflatten(-1, (self.h, self.d_k)).transpose(1, 2)

    def heads(self, role: int, x: Tensor) -> Tensor:
        """Apply the projection of `role`, and split the heads: (B, T, D) → (B, T, H, D/H)."""
        return getattr(self, self.names[role])(x.flatten(0, -2)).view(*x.shape[:-1], self.h, self.d_k)

    def project_query(self, query: Tensor) -> Tensor:
        """query (B, Tq, D) → (B, H, Tq, D/H)."""
        return self.q_norm(self.heads(QUERY, query).transpose(1, 2))

    def project_memory(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """key, value (B, Tk, D) → (B, H, Tk, D/H) each."""
        return self.k_norm(self.heads(KEY, key).transpose(1, 2)), self.heads(VALUE, value).transpose(1, 2)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, scores: Tensor | None = None) -> Tensor:
        """Compute the weighted sum of values, merge the heads, project.

        Args:
            q: (B, H, Tq, D/H).
            k, v: (B, H, Tk, D/H).
            bias: `attention_bias` of the mask, (B, 1, 1 or Tq, Tk); None where everything may be seen.
            scores: (B, H, Tq, Tk) further scores, scaled already.

        Returns:
            (B, Tq, D); a query whose keys are all masked gets zeros from every head.
        """
        logits = torch.matmul(q * self.d_k**-0.5, k.transpose(-2, -1))
        for term in (scores, bias):
            logits = logits if term is None else logits + term
        x = torch.matmul(self._weights(logits), v)
        if bias is not None:
            x = x * visible_rows(bias)
        return self.project(OUT, x.transpose(1, 2).flatten(-2))

    def _weights(self, logits: Tensor) -> Tensor:
        return dropout(self.softmax(logits), self.dropout_rate, self.training)


@contextlib.contextmanager
def attention_weights(layers: Iterable[AttentionHeads]) -> Iterator[list[Tensor]]:
    """Collect the weights of attention layers, (B, H, Tq, Tk) before dropout, of each call, in a list."""
    found: list[Tensor] = []
    hooks = [
        layer.softmax.register_forward_hook(lambda module, given, weights: found.append(weights)) for layer in layers
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def most_heads(module: nn.Module) -> int:
    """The largest number of heads of any attention in a module, those of the package transformers among them."""
    configs = (getattr(part, "config", None) for part in module.modules())
    foreign = (getattr(config, "num_attention_heads", 0) for config in configs)
    own = (part.h for part in module.modules() if isinstance(part, AttentionHeads))
    return max((0, *own, *foreign))


class MultiHeadedAttention(AttentionHeads):
    """Scaled dot-product attention (Vaswani et al. 2017, section 3.2).

    Args:
        n_head: H.
        n_feat: D, a multiple of H.
        dropout_rate: dropout of the attention weights.
        qk_norm: normalise queries and keys per head.
        use_flash_attn, causal, cross_attn, use_sdpa: upstream's choice of kernels, on which the numbers do not depend.
    """

    def __init__(
        self,
        n_head: int,
        n_feat: int,
        dropout_rate: float,
        qk_norm: bool = False,
        use_flash_attn: bool = False,
        causal: bool = False,
        cross_attn: bool = False,
        use_sdpa: bool = False,
    ):
        super().__init__(n_head, n_feat, dropout_rate, qk_norm)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, expand_kv: bool = False
    ) -> Tensor:
        """Attend from `query` to `key` and `value`.

        Args:
            query: (B, Tq, D).
            key, value: (B, Tk, D).
            mask: (B, 1 or Tq, Tk) bool, True at visible keys, or its `attention_bias`, or None.
            expand_kv: all rows of the batch have the same keys and values; project those of the first only.

        Returns:
            (B, Tq, D).
        """
        if expand_kv:
            key, value = key[:1], value[:1]
        k, v = self.project_memory(key, value)
        return self.attend(self.project_query(query), k, v, as_bias(mask, query.dtype))

    def before(self, x: Tensor) -> tuple[Tensor, ...]:
        """Initial cache of `advance` for x (B, U, D): nothing."""
        return ()

    def advance(self, x: Tensor, known: Sequence[Tensor], bias: Tensor | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Self-attention of a text, or of the newest tokens of hypotheses that are in part known.

        Args:
            x: (B, U, D): U tokens of a text, or the newest token of each of U hypotheses.
            known: of hypotheses, keys and values (rows, B, H, D/H) of known tokens; of a text nothing.
            bias: (B or 1, 1, U, U) for a text; for hypotheses (B or 1, 1, U, rows + 1), the last for the token itself;
                None where tokens see all others.

        Returns:
            (B, U, D), and keys and values (U, B, H, D/H) of the tokens.
        """
        if known:
            return self._attend_rows(x, known[0], known[1], bias)
        query, (key, value) = self.project_query(x), self.project_memory(x, x)
        return self.attend(query, key, value, bias), (key.permute(2, 0, 1, 3), value.permute(2, 0, 1, 3))

    def _attend_rows(
        self, x: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """`advance` for hypotheses. Known keys and values stay where they are: put before the new ones, they would be
        copied at every step."""
        query, key, value = (self.heads(role, x) for role in (QUERY, KEY, VALUE))
        query, key = self.q_norm(query) * self.d_k**-0.5, self.k_norm(key)
        own = (query * key).sum(dim=-1).transpose(1, 2).unsqueeze(-1)
        logits = torch.cat((torch.matmul(query.transpose(1, 2), keys.permute(1, 2, 3, 0)), own), dim=-1)
        weights = self._weights(logits if bias is None else logits + bias)
        mixed = torch.matmul(weights[..., :-1], values.permute(1, 2, 0, 3)).transpose(1, 2)
        mixed = mixed + weights[..., -1:].transpose(1, 2) * value
        mixed = mixed if bias is None else mixed * visible_rows(bias).transpose(1, 2)
        return self.project(OUT, mixed.flatten(-2)), (key.transpose(0, 1), value.transpose(0, 1))

    def attend_self(self, x: Tensor, mask: Tensor | None, pos_emb: Tensor | None) -> Tensor:
        """Self-attention without positions: x (B, T, D) → (B, T, D)."""
        return self(x, x, x, mask)


class RelPositionMultiHeadedAttention(AttentionHeads):
    """Attention with relative positions (Dai et al. 2019, section 3.3, with the sign of i - j as in appendix B).

    Args:
        n_head: H.
        n_feat: D.
        dropout_rate: dropout of the attention weights.
        zero_triu: no position scores above the diagonal.
    """

    def __init__(self, n_head: int, n_feat: int, dropout_rate: float, zero_triu: bool = False):
        super().__init__(n_head, n_feat, dropout_rate)
        self.zero_triu = zero_triu
        self.linear_pos = nn.Linear(n_feat, n_feat, bias=False)
        self.pos_bias_u = nn.Parameter(torch.empty(self.h, self.d_k))
        self.pos_bias_v = nn.Parameter(torch.empty(self.h, self.d_k))
        nn.init.xavier_uniform_(self.pos_bias_u)
        nn.init.xavier_uniform_(self.pos_bias_v)

    def rel_shift(self, x: Tensor) -> Tensor:
        """Move column T - i + j of row i to column j.

        Args:
            x: (B, H, T, 2T) scores of the relative positions T to -(T-1).

        Returns:
            (B, H, T, T), of which element (i, j) is the score of relative position i - j.
        """
        batch, heads, frames, _ = x.shape
        # Reshaped to rows that are one shorter, each row starts one position later than the row above.
        return x.flatten(-2)[..., frames:].view(batch, heads, frames, 2 * frames - 1)[..., :frames]

    def position_scores(self, q: Tensor, pos_emb: Tensor, bias: Tensor | None) -> Tensor:
        """Scores of positions: q (B, H, T, D/H), pos_emb (1, 2T-1, D) → (B, H, T, T)."""
        # The shift needs rows of even length; one more position costs less here than a padded score matrix would.
        p = self.split_heads(self.linear_pos(pad(pos_emb, (0, 0, 1, 0))))
        return self.rel_shift(torch.matmul(q, p.transpose(-2, -1)))

    def forward(self, query: Tensor, key: Tensor, value: Tensor, pos_emb: Tensor, mask: Tensor | None) -> Tensor:
        """Attend from `query` to `key` and `value`, which have the same length.

        Args:
            query, key, value: (B, T, D).
            pos_emb: (1, 2T-1, D), relative positions T-1 down to -(T-1).
            mask: (B, 1 or T, T) bool, True at visible keys, or its `attention_bias`, or None.

        Returns:
            (B, T, D).
        """
        bias = as_bias(mask, query.dtype)
        q = self.project_query(query)
        k, v = self.project_memory(key, value)
        scores = self.position_scores((q + self.pos_bias_v.unsqueeze(1)) / math.sqrt(self.d_k), pos_emb, bias)
        if self.zero_triu:
            scores = scores.tril()
        return self.attend(q + self.pos_bias_u.unsqueeze(1), k, v, bias, scores)

    def attend_self(self, x: Tensor, mask: Tensor | None, pos_emb: Tensor | None) -> Tensor:
        """Self-attention with relative positions: x (B, T, D), `pos_emb` as in `forward` → (B, T, D)."""
        return self(x, x, x, pos_emb, mask)


class LegacyRelPositionMultiHeadedAttention(RelPositionMultiHeadedAttention):
    """Relative attention of models before 2021, with T encodings instead of 2T - 1.

    Above the diagonal its shift wraps around into the row below. Models were trained that way, so it is kept. The
    result depends on the utterance's length; lengths are read from the mask, so that padding does not change it.
    """

    def rel_shift(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Move column L - 1 - i + j of row i to column j, wrapping around, within the first L rows and columns.

        Args:
            x: (B, H, T, T) scores.
            lengths: (B, 1) the lengths L; all are T where it is not given.

        Returns:
            (B, H, T, T).
        """
        frames = x.shape[-1]
        step = torch.arange(frames, device=x.device)
        length = (step[-1:] + 1 if lengths is None else lengths).view(-1, 1, 1, 1)
        # Put a zero before each row of L numbers, then read on from the second row as if rows had L numbers.
        place = (step.unsqueeze(-1) + 1) * length + step
        row, column = place // (length + 1), place % (length + 1)
        index = row.clamp(max=frames - 1) * (frames + 1) + column
        index = index.flatten(-2).expand(x.shape[0], x.shape[1], -1)
        return pad(x, (1, 0)).flatten(-2).gather(-1, index).view(x.shape)

    def position_scores(self, q: Tensor, pos_emb: Tensor, bias: Tensor | None) -> Tensor:
        """Scores of positions: q (B, H, T, D/H), pos_emb (1, T, D) → (B, H, T, T)."""
        scores = torch.matmul(q, self.split_heads(self.linear_pos(pos_emb)).transpose(-2, -1))
        return self.rel_shift(scores, None if bias is None else (bias >= 0).any(dim=-2).sum(dim=-1))
