"""Other methods of a module as its `forward`."""

from __future__ import annotations

from typing import Any

import torch


class ForwardAdaptor(torch.nn.Module):
    """Module whose `forward` is the method `name` of another, for wrappers that call `forward` only.

    Raises:
        ValueError: There is no such method.
    """

    def __init__(self, module: torch.nn.Module, name: str) -> None:
        super().__init__()
        if not hasattr(module, name):
            raise ValueError(f"{type(module).__name__}: expected a method {name}, found none")
        self.module = module
        self.name = name

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method."""
        return getattr(self.module, self.name)(*args, **kwargs)
