"""Dynamically quantised siblings of exported graphs (int8 weights, activations quantised on the fly).

Only matrix products with constant weights are quantised, to signed 8 bits, and the output projection is left alone:
on CPUs with VNNI this was the fastest, and the closest to fp32 in decoded text. Convolutions gain nothing
(ONNX Runtime documentation, "Quantize ONNX models", dynamic quantisation).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx

from espnet2.runtime.errors import VerificationError

QUANTIZED_COMPONENTS = ("encoder", "decoder_step", "lm_step")
MAX_TOKEN_ERROR_RATE = 0.02  # of int8 against fp32, over all recordings


def quantize_int8(source: Path, target: Path) -> Path:
    """Write the int8 sibling of the graph `source` to `target`."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(source)
    # onnxruntime takes recorded shapes for facts when it splits Gemm, and fails on them.
    del model.graph.value_info[:]
    with tempfile.TemporaryDirectory() as directory:
        bare = Path(directory) / "model.onnx"
        onnx.save(model, bare, save_as_external_data=model.ByteSize() > onnx.checker.MAXIMUM_PROTOBUF)
        quantize_dynamic(
            bare,
            target,
            op_types_to_quantize=["MatMul"],
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_output_projections(model.graph),
        )
    return target


def _output_projections(graph: onnx.GraphProto) -> list[str]:
    """Names of the matrix products whose result reaches a log-softmax without another matrix product between."""
    makers = {output: node for node in graph.node for output in node.output}
    found, seen = [], set()
    waiting = [name for node in graph.node if node.op_type == "LogSoftmax" for name in node.input]
    while waiting:
        node = makers.get(waiting.pop())
        if node is None or node.name in seen:
            continue
        seen.add(node.name)
        if node.op_type in ("MatMul", "Gemm"):
            found.append(node.name)
        else:
            waiting.extend(node.input)
    return found


def token_error_rate(expected: Sequence[Sequence[int]], found: Sequence[Sequence[int]]) -> float:
    """Insertions, deletions and substitutions of all utterances over the number of expected tokens."""
    errors = sum(_edit_distance(e, f) for e, f in zip(expected, found, strict=True))
    return errors / max(1, sum(map(len, expected)))


def _edit_distance(expected: Sequence[int], found: Sequence[int]) -> int:
    """Levenshtein distance."""
    row = list(range(len(found) + 1))
    for index, token in enumerate(expected, start=1):
        previous, row = row, [index]
        for column, other in enumerate(found, start=1):
            row.append(min(previous[column] + 1, row[-1] + 1, previous[column - 1] + (token != other)))
    return row[-1]


def require_accepted(rate: float, recordings: int) -> None:
    """Raise `VerificationError` when int8 decodes to other tokens than fp32 more often than is accepted."""
    if rate > MAX_TOKEN_ERROR_RATE:
        raise VerificationError(
            f"--quantize int8: expected at most {MAX_TOKEN_ERROR_RATE:.1%} token errors against fp32 on {recordings} "
            f"recordings, found {rate:.1%}; leave --quantize out for this model"
        )
