"""Encoding of a waveform without values of tensors in Python."""

from __future__ import annotations

import re
from collections.abc import Callable

import libcst as cst
import libcst.matchers as m

from tools.upstream_patch.part import Part, Transform

ENCODING = re.compile(r"encode|extract_feats")  # names of the methods that run at inference
FORWARD = re.compile("^forward$")
MAXIMUM = m.Call(func=m.Attribute(attr=m.Name("max")), args=[])
# x = x[:, : lengths.max()]
TRIMMING = m.SimpleStatementLine(
    body=[
        m.Assign(
            targets=[m.AssignTarget(target=m.Name())],
            value=m.Subscript(
                value=m.Name(),
                slice=[
                    m.SubscriptElement(slice=m.Slice(lower=None, upper=None)),
                    m.SubscriptElement(slice=m.Slice(lower=None, upper=MAXIMUM)),
                ],
            ),
        )
    ]
)
# assert x.size(1) <= lengths.max(), "message"
CHECK = m.SimpleStatementLine(body=[m.Assert(test=m.Comparison(comparisons=[m.ComparisonTarget(comparator=MAXIMUM)]))])
# assert len(x) == len(lengths), "message"
LENGTH = m.Call(func=m.Name("len"))
SAME_BATCH = m.SimpleStatementLine(
    body=[m.Assert(test=m.Comparison(left=LENGTH, comparisons=[m.ComparisonTarget(comparator=LENGTH)]))]
)
# self.probabilities[:-1].uniform_()
DRAWING = m.SimpleStatementLine(body=[m.Expr(m.Call(func=m.Attribute(attr=m.Name("uniform_")), args=[]))])
FRONTEND = "espnet2/legacy/nets/pytorch_backend/frontends/frontend.py"
INVERSE_TEST = "test/espnet2/layers/test_global_mvn.py"
BLOCKS = "espnet2/asr_transducer/encoder/modules/multi_blocks.py"
EXACT = m.Call(func=m.Attribute(attr=m.Name("assert_allclose")), args=[m.Arg(keyword=None), m.Arg(keyword=None)])
COMMA = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
CHUNKED = "espnet2/asr_transducer/encoder/encoder.py"
RANDOM_CHUNKS = cst.parse_expression("self.dynamic_chunk_training")
IN_TRAINING = cst.parse_expression("self.training")


class OnlyInTraining(cst.CSTTransformer):
    """Execute statements of methods that take a Python number from a tensor in training only."""

    def __init__(self, methods: re.Pattern[str], statement: m.MatcherType) -> None:
        super().__init__()
        self.chosen, self.statement = methods, statement
        self.methods: list[bool] = []

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        first = node.params.params[0].name.value if node.params.params else ""
        self.methods.append(first == "self" and self.chosen.search(node.name.value) is not None)

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        self.methods.pop()
        return updated_node

    def visit_If(self, node: cst.If) -> bool:
        return not node.test.deep_equals(IN_TRAINING)

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement:
        if not any(self.methods) or not m.matches(updated_node, self.statement):
            return updated_node
        body = cst.IndentedBlock([updated_node.with_changes(leading_lines=())])
        return cst.If(IN_TRAINING, body, leading_lines=updated_node.leading_lines)


class ChunksOnlyInTraining(cst.CSTTransformer):
    """if self.dynamic_chunk_training → if self.training and self.dynamic_chunk_training."""

    def leave_If(self, original_node: cst.If, updated_node: cst.If) -> cst.If:
        if not updated_node.test.deep_equals(RANDOM_CHUNKS):
            return updated_node
        return updated_node.with_changes(test=cst.BooleanOperation(IN_TRAINING, cst.And(), updated_node.test))


class InverseWithinRounding(cst.CSTTransformer):
    """assert_allclose(x, y) → assert_allclose(x, y, rtol=1e-4, atol=1e-6): x was changed in place, and so equal."""

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        if not m.matches(updated_node, EXACT):
            return updated_node
        tolerance = cst.ensure_type(cst.parse_expression("f(rtol=1e-4, atol=1e-6)"), cst.Call).args
        first, second = updated_node.args
        return updated_node.with_changes(args=[first, second.with_changes(comma=COMMA), *tolerance])


def only_in_training(methods: re.Pattern[str], statement: m.MatcherType) -> Callable[[cst.Module], cst.Module]:
    """Return a function that makes these statements of such methods conditional."""
    return lambda module: module.visit(OnlyInTraining(methods, statement))


PART = Part(
    name="encode",
    title="Make encode exportable, from waveform to encoder output",
    body="""
    The slice of the speech by its longest length, which data-parallel training needs, and the assertions on lengths are
    executed in training only: they take a Python number from a tensor, so that they end an export, or freeze its
    lengths or its batch.

    Stochastic depth draws its random numbers in training only, which alone uses them. So do encoders that are trained
    with chunks of random size: their results for whole utterances were random, and see all frames now.

    GlobalMVN.forward no longer changes its caller's features in place. Its test compared the inverse with features that
    had been changed, and allows for rounding now.
    """,
    replacements={"espnet2.layers.global_mvn:GlobalMVN.forward": "global_mvn.py"},
    transforms=(
        Transform(("espnet2/*/*.py", "espnet2/*/*/*.py"), r"\.max\(\)", only_in_training(ENCODING, TRIMMING | CHECK)),
        Transform((FRONTEND,), r"assert len\(", only_in_training(FORWARD, SAME_BATCH)),
        Transform((BLOCKS,), r"uniform_\(", only_in_training(FORWARD, DRAWING)),
        Transform((CHUNKED,), r"if self\.dynamic_chunk", lambda module: module.visit(ChunksOnlyInTraining())),
        Transform((INVERSE_TEST,), r"assert_allclose", lambda module: module.visit(InverseWithinRounding())),
    ),
    additions={"test/espnet2/asr/test_encode_export.py": "test_encode_export.py"},
    requires=("masks",),
)
