"""PyTorch against onnxruntime for a synthesiser that is one graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet2.export.examples import axes_of, draw
from espnet2.interface.check import Check
from espnet2.runtime.compare import difference
from espnet2.runtime.session import OnnxGraph

TOKENS = (1, 2, 17, 120)  # of the texts
REFERENCE = 41  # steps of a style encoder's output
DRAWS = 5


def verify_one_graph(module: Any, path: Path) -> list[Check]:
    """Compare the samples of drawn texts.

    A duration near the border of two numbers of frames may become the one for PyTorch and the other for onnxruntime:
    where numbers of samples differ, another text is drawn, at most `DRAWS` times.

    Args:
        module: with the method `component`, which declares its graph.
        path: the graph.
    """
    component = module.component()
    reference, graph = TorchGraph(module.eval(), component), OnnxGraph(path, component)
    (output,) = component.outputs
    shortest = component.shortest(REFERENCE)
    sizes = {axis: shortest.get(axis, REFERENCE) for axis in axes_of(component)}

    checks = []
    for tokens in TOKENS:
        for seed in range(DRAWS):
            feeds = draw(component, {**sizes, "tokens": tokens}, seed)
            expected, found = (run(feeds)[output.name].numpy() for run in (reference, graph))
            if expected.shape == found.shape:
                break
        checks.append(Check(component.name, f"{tokens} tokens", difference(expected, found)))
    return checks
