"""A component run by PyTorch, behind the same call as a component run by onnxruntime.

The search and the recogniser do not know which of the two they drive; verification compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from espnet2.runtime.spec import Component


class TorchGraph:
    """`component.method` of `module`, called with named feeds (numpy arrays or tensors that a graph returned)."""

    def __init__(self, module: torch.nn.Module, component: Component) -> None:
        self.component = component
        self.device = next((p.device for p in module.parameters()), torch.device("cpu"))
        self._method = getattr(module.eval(), component.method)

    @torch.inference_mode()
    def __call__(self, feeds: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        arguments = [torch.as_tensor(feeds[tensor.name], device=self.device) for tensor in self.component.feeds]
        results = self._method(*arguments)
        results = results if isinstance(results, tuple) else (results,)
        return {tensor.name: result.cpu() for tensor, result in zip(self.component.results, results, strict=True)}
