"""A component run by PyTorch, behind the same call as a component run by onnxruntime.

Searches, scorers and recognisers do not know which of the two they drive; verification compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from espnet2.interface.spec import Component


class TorchGraph:
    """`component.method` of a module, called with named arrays or tensors; its results are tensors by name.

    Results stay on the module's device and in its precision, so that states pass from call to call as they are. The
    module keeps its mode (training or evaluation), and may be moved between calls.
    """

    def __init__(self, module: nn.Module, component: Component) -> None:
        self.component = component
        self.module = module

    @torch.inference_mode()
    def __call__(self, feeds: Mapping[str, Any]) -> dict[str, Tensor]:
        parameter = next(self.module.parameters(), torch.zeros(()))
        kinds = {"float32": parameter.dtype}
        arguments = [
            torch.as_tensor(feeds[tensor.name], device=parameter.device, dtype=kinds.get(tensor.dtype))
            for tensor in self.component.feeds
        ]
        results = getattr(self.module, self.component.method)(*arguments)
        results = results if isinstance(results, tuple) else (results,)
        return {tensor.name: result for tensor, result in zip(self.component.results, results, strict=True)}
