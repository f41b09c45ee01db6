"""Dynamically quantised siblings of exported graphs (int8 weights, activations quantised on the fly).

Only matrix products with constant weights are quantised, to signed 8 bits: on CPUs with VNNI this was the fastest, and
convolutions gain nothing. Two stay as they are, since their results are read through a logarithm: the mel filter bank
(powers span ten orders of magnitude) and the output projection.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx

from espnet2.export.quiet import quiet
from espnet2.export.trace import EXTERNAL_DATA_SUFFIX
from espnet2.interface.errors import VerificationError
from espnet2.runtime.family import Family


def quantize_int8(source: Path, target: Path) -> Path:
    """Write the int8 sibling of the graph `source` to `target`."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    external = source.with_name(source.name + EXTERNAL_DATA_SUFFIX).exists()
    model = onnx.load(source)
    # onnxruntime takes recorded shapes for facts when it splits Gemm, and fails on them.
    del model.graph.value_info[:]
    with tempfile.TemporaryDirectory() as directory:
        bare = Path(directory) / "model.onnx"
        onnx.save(model, bare, save_as_external_data=external)
        with quiet():
            quantize_dynamic(
                bare,
                target,
                op_types_to_quantize=["MatMul"],
                weight_type=QuantType.QInt8,
                nodes_to_exclude=_before_logarithms(model.graph),
                use_external_data_format=external,
            )
    return target


def _before_logarithms(graph: onnx.GraphProto) -> list[str]:
    """Names of the matrix products whose result reaches a logarithm without another matrix product between."""
    makers = {output: node for node in graph.node for output in node.output}
    found, seen = [], set()
    waiting = [name for node in graph.node if node.op_type in ("Log", "LogSoftmax") for name in node.input]
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


def require_accepted(rate: float, family: Family, recordings: int) -> None:
    """Raise `VerificationError` where results of int8 graphs deviate from those of fp32 more than is accepted."""
    if rate > family.most_deviation:
        raise VerificationError(
            f"--quantize int8: expected at most {family.most_deviation:.1%} {family.deviation_unit} against fp32 on "
            f"{recordings} recordings, found {rate:.1%}; leave --quantize out for this model"
        )
