"""Caches of decoders and language models that are tensors from the first token on."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from tools.upstream_patch.part import SOURCES, Part, Transform

LAYER = "espnet2.legacy.nets.pytorch_backend.transformer.decoder_layer:DecoderLayer"
FIRST = "score"  # the new methods come in front of it


class AddMethods(cst.CSTTransformer):
    """Put those methods of a class of ours that the class of that name lacks in front of a method."""

    def __init__(self, ours: cst.ClassDef, before: str) -> None:
        super().__init__()
        self.ours, self.before = ours, before

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        if original_node.name.value != self.ours.name.value:
            return updated_node
        body = list(updated_node.body.body)
        names = [node.name.value if isinstance(node, cst.FunctionDef) else "" for node in body]
        methods = [node for node in self.ours.body.body if isinstance(node, cst.FunctionDef)]
        apart = [cst.EmptyLine(indent=False)]
        new = [node.with_changes(leading_lines=apart) for node in methods if node.name.value not in names]
        place = names.index(self.before)
        return updated_node.with_deep_changes(updated_node.body, body=[*body[:place], *new, *body[place:]])


def adding(file: str) -> Callable[[cst.Module], cst.Module]:
    """Make the change that adds the methods of a source file, which has one class, to a module."""

    def change(module: cst.Module) -> cst.Module:
        source = cst.parse_module((SOURCES / "cache" / file).read_text(encoding="utf-8"))
        (ours,) = (node for node in source.body if isinstance(node, cst.ClassDef))
        return module.visit(AddMethods(ours, FIRST))

    return change


PART = Part(
    name="cache",
    title="Let the caches of Transformer decoders start as empty tensors",
    body="""
    A layer of the decoder reads its cache as a tensor from the first step on: an empty one (B, 0, D) takes the same
    path as any other, and any number of tokens may follow, as those of a prompt. A graph of one step then serves all
    steps, the first among them.

    BaseTransformerDecoder and TransformerLM get zero_state, which SequentialRNNLM has already: the tensors from which
    an exporter, or a search, starts. None is still accepted and means the same; searches are as they were. Scores and
    results of searches are unchanged, bit for bit.
    """,
    replacements={f"{LAYER}.forward": "decoder_layer.py"},
    transforms=(
        Transform(
            ("espnet2/asr/decoder/transformer_decoder.py",),
            r"class BaseTransformerDecoder\b",
            adding("transformer_decoder.py"),
        ),
        Transform(("espnet2/lm/transformer_lm.py",), r"class TransformerLM\b", adding("transformer_lm.py")),
    ),
    additions={"test/espnet2/asr/decoder/test_empty_cache.py": "test_empty_cache.py"},
)
