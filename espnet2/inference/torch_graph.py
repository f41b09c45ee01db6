"""A component run by PyTorch, behind the same call as a component run by onnxruntime.

The search and the recogniser do not know which of the two they drive; verification compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from espnet.nets.pytorch_backend.step_scorer import ModuleGraph
from espnet2.interface.spec import Component


class TorchGraph(ModuleGraph):
    """`component.method` of `module` in evaluation mode, called with named feeds; its results are in main memory.

    Results of fewer than 32 bits, which numpy does not know, have 32.
    """

    def __init__(self, module: torch.nn.Module, component: Component) -> None:
        super().__init__(module.eval(), component)

    @torch.inference_mode()
    def __call__(self, feeds: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        results = {name: result.cpu() for name, result in super().__call__(feeds).items()}
        return {name: r.float() if r.dtype in (torch.bfloat16, torch.float16) else r for name, r in results.items()}
