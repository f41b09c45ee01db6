"""The attention of Branchformers, which may be additive."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from espnet.nets.pytorch_backend.transformer.attention import AttentionHeads
from espnet.nets.pytorch_backend.transformer.attention_choice import MakePositions, attention_makers, resolve_positions
from espnet.nets.pytorch_backend.transformer.embedding import POSITIONAL_ENCODINGS
from espnet2.asr.layers.fastformer import FastSelfAttention

BranchAttention = AttentionHeads | FastSelfAttention


def branch_attention(
    rel_pos_type: str,
    pos_enc: str,
    attention: str,
    heads: tuple[int, int, float],
    zero_triu: bool = False,
    qk_norm: bool = False,
    encodings: Mapping[str, MakePositions] = POSITIONAL_ENCODINGS,
) -> tuple[str, Callable[[], BranchAttention]]:
    """Resolve a Branchformer's options to the positional encoding and a function that makes the attention.

    Args:
        rel_pos_type, pos_enc, attention: see `resolve_positions`; here attention may be "fast_selfattn" as well.
        heads: H, D, dropout of the attention weights.
        zero_triu, qk_norm: see `attention_makers`.
        encodings: supported positional encodings.

    Raises:
        ValueError: an unknown name, or an encoding and an attention that do not match.
    """
    attention_heads, size, dropout_rate = heads
    makers: dict[str, Callable[[], BranchAttention]] = {
        **attention_makers(*heads, zero_triu, qk_norm),
        "fast_selfattn": lambda: FastSelfAttention(size, attention_heads, dropout_rate),
    }
    positions, name = resolve_positions(rel_pos_type, pos_enc, attention, makers, "attention_layer_type", encodings)
    return positions, makers[name]
