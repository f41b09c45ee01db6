"""Masks of attention as biases that are added to the scores."""

from __future__ import annotations

from tools.upstream_patch.part import Part

ATTENTION = "espnet2.legacy.nets.pytorch_backend.transformer.attention:MultiHeadedAttention"

PART = Part(
    name="bias",
    title="Add attention masks to the scores as a bias",
    body="""
    forward_attention, in which all kinds of attention end, turns its mask into a bias that is added to the scores, as
    the path of use_sdpa does already. Two selections over (B, H, T1, T2) become a sum and a product, and the bias,
    which is the same in all layers, is computed once in an exported graph.

    Weights and outputs are unchanged, bit for bit; queries without a visible key still get zeros. Masks of any type
    are read as before: hidden is what equals zero. The paths of use_sdpa and of FlashAttention do not come here.
    """,
    replacements={f"{ATTENTION}.forward_attention": "attention.py"},
    additions={"test/espnet2/legacy/test_attention_bias.py": "test_attention_bias.py"},
)
