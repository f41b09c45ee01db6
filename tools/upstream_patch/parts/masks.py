"""Masks by one comparison of tensors."""

from __future__ import annotations

from tools.upstream_patch.part import Part

UTILS = "espnet2.legacy.nets.pytorch_backend.nets_utils"

PART = Part(
    name="masks",
    title="Make make_pad_mask exportable",
    body="""
    A mask is one comparison of positions with lengths, so that a graph that is traced with some lengths is right for
    all others: no list of lengths, no Python loop, no branch on their values.

    The case with a reference tensor is a function of its own, make_pad_mask_with_reference, for tensors of any rank.
    make_pad_mask keeps its signature as a front of both, and lists of lengths go on working.
    """,
    replacements={f"{UTILS}:make_pad_mask": "nets_utils.py"},
    additions={"test/espnet2/legacy/test_nets_utils_export.py": "test_nets_utils_export.py"},
)
