"""Tensors that PyTorch's functions read and make while a module runs, with the author's lines."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from espnet2.export.doctor.stack import authors_stack
from espnet2.export.nodes import Frame


@dataclass(frozen=True)
class Made:
    """A call: the author's line, and copies of the floating-point tensors that it read and made."""

    frame: Frame | None
    given: list[torch.Tensor]
    made: list[torch.Tensor]


class Flow(TorchFunctionMode):
    """Record every call that makes tensors, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Made] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = _floats((args, kwargs or {}))
        result = function(*args, **(kwargs or {}))
        made = _floats(result)
        if made:
            stack = authors_stack(sys._getframe(1))
            self.calls.append(Made(stack[-1] if stack else None, given, made))
        return result


def _floats(values: Any) -> list[torch.Tensor]:
    flat = torch.utils._pytree.tree_leaves(values)
    return [value.detach().clone() for value in flat if isinstance(value, torch.Tensor) and value.is_floating_point()]


@contextlib.contextmanager
def made_inside(module: torch.nn.Module) -> Iterator[Flow]:
    """Record the calls that this module makes, and those inside of it, while another that it is part of runs."""
    flow = Flow()
    entered = module.register_forward_pre_hook(lambda *_: flow.__enter__() and None)
    left = module.register_forward_hook(lambda *_: flow.__exit__(None, None, None))
    try:
        yield flow
    finally:
        entered.remove()
        left.remove()
