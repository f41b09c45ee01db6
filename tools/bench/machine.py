"""Limits of one core of this machine: bytes that it reads, and multiply-adds, a second.

    OMP_NUM_THREADS=1 python tools/bench/machine.py

A step of a decoder reads all its weights once, an encoder multiplies them with all frames: their limits in seconds are
bytes / bandwidth and multiply-adds / peak. Other work on the machine lowers both: measure with what they limit.
"""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BYTES = 400_000_000  # far more than the caches of a core
SIZE = 1024  # rows and columns of the products


@dataclass(frozen=True)
class Machine:
    """Processor's name, bytes a second, and multiply-adds a second in fp32 and in int8."""

    name: str
    bandwidth: float
    fp32: float
    int8: float

    def __str__(self) -> str:
        return (
            f"{self.name}; one core reads {self.bandwidth / 1e9:.1f} GB/s, multiplies and adds "
            f"{self.fp32 / 1e9:.0f} (fp32) and {self.int8 / 1e9:.0f} (int8) times 10^9 a second"
        )

    def limit(self, weights: float, multiply_adds: float, quantized: bool = False) -> float:
        """Seconds that reading the weights (bytes) and the multiply-adds take at least, whichever takes longer."""
        return max(weights / self.bandwidth, multiply_adds / (self.int8 if quantized else self.fp32))


def processor() -> str:
    """Name of the processor, its wide instructions, and its cores."""
    path = Path("/proc/cpuinfo")
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    name = re.search(r"model name\s*:\s*(.*)", text)
    known = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_vnni": "VNNI", "amx_int8": "AMX"}
    flags = [label for flag, label in known.items() if f" {flag} " in text or f" {flag}\n" in text]
    return ", ".join([name.group(1) if name else "processor", *flags, f"{os.cpu_count()} cores"])


def measured() -> Machine:
    """Measure this machine on one thread, in about two seconds; the environment has to set OMP_NUM_THREADS=1."""
    left, right = (np.ones((SIZE, SIZE), np.float32) for _ in range(2))
    products = [_fastest(lambda: left @ right), _fastest(_product("MatMul", "float32"))]
    quantized = _fastest(_product("MatMulInteger", "int8"))
    return Machine(processor(), bandwidth(1), SIZE**3 / min(products), SIZE**3 / quantized)


def bandwidth(cores: int) -> float:
    """Bytes a second that so many cores read together."""
    parts = np.ones(BYTES // 4, np.float32)[: BYTES // 4 // cores * cores].reshape(cores, -1)
    with ThreadPoolExecutor(cores) as pool:
        return BYTES / _fastest(lambda: list(pool.map(lambda part: part.dot(part), parts)), 5)


def _product(operator: str, dtype: str):
    """A function that multiplies matrices with onnxruntime; weights are constants, as in models."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    given, found = {"float32": ("FLOAT", "FLOAT"), "int8": ("UINT8", "INT32")}[dtype]
    weights = numpy_helper.from_array(np.ones((SIZE, SIZE), dtype), "weights")
    values = [
        helper.make_tensor_value_info(name, getattr(TensorProto, kind), [SIZE, SIZE])
        for name, kind in (("x", given), ("y", found))
    ]
    node = helper.make_node(operator, ["x", "weights"], ["y"])
    graph = helper.make_graph([node], "product", values[:1], values[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    x = np.ones((SIZE, SIZE), "uint8" if dtype == "int8" else dtype)
    return lambda: session.run(None, {"x": x})


def _fastest(function, runs: int = 9) -> float:
    """Seconds of the fastest of some calls."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    print(measured())
