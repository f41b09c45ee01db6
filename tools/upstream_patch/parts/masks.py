"""Masks by one comparison of tensors."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from tools.upstream_patch.part import Part, Transform

UTILS = "espnet2.legacy.nets.pytorch_backend.nets_utils"
# numpy.finfo(torch.tensor(0, dtype=x.dtype).numpy().dtype)
AS_ARRAY = m.Call(func=m.Attribute(value=m.Call(func=m.Attribute(attr=m.Name("tensor"))), attr=m.Name("numpy")))
OF_NUMPY = m.Call(
    func=m.Attribute(attr=m.Name("finfo")), args=[m.Arg(m.Attribute(value=AS_ARRAY, attr=m.Name("dtype")))]
)


class LimitsOfTorch(cst.CSTTransformer):
    """numpy.finfo(torch.tensor(0, dtype=x).numpy().dtype) → torch.finfo(x)."""

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if not m.matches(updated_node, OF_NUMPY):
            return updated_node
        dtypes = m.findall(updated_node, m.Arg(keyword=m.Name("dtype")))
        value = cst.ensure_type(dtypes[0], cst.Arg).value
        return cst.Call(cst.parse_expression("torch.finfo"), [cst.Arg(value)])


PART = Part(
    name="masks",
    title="Make make_pad_mask exportable",
    body="""
    A mask is one comparison of positions with lengths, so that a graph that is traced with some lengths is right for
    all others: no list of lengths, no Python loop, no branch on their values.

    The case with a reference tensor is a function of its own, make_pad_mask_with_reference, for tensors of any rank.
    make_pad_mask keeps its signature as a front of both, and lists of lengths go on working. A length of 0 gives a row
    that is padding as a whole, and a negative length_dim counts from the end; releases 202308 to 202610 do neither for
    tensors.

    The smallest number of a type is torch's, and not that of a NumPy array made for it, which tracing cannot make.
    """,
    replacements={f"{UTILS}:make_pad_mask": "nets_utils.py"},
    removals=(f"{UTILS}:_make_pad_mask", f"{UTILS}:_make_pad_mask_traceable"),
    transforms=(
        Transform(("espnet2/asr/**/*.py",), r"numpy\(\)\.dtype", lambda module: module.visit(LimitsOfTorch())),
    ),
    additions={"test/espnet2/legacy/test_nets_utils_export.py": "test_nets_utils_export.py"},
)
