"""Loops in a graph: ONNX's `Loop` at export, Python's `while` elsewhere.

A loop's tensors are its `state`, which the body returns anew, and what is `given`, which it only reads. The weights of
the body's modules are read from outside of the loop, too, so that a file holds them once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from espnet.nets.pytorch_backend.nets_utils import body_of_loop

IDENTITY_VERSION = 19  # of the operator in opset 20


class LoopBody(nn.Module, ABC):
    """Body of a loop; `forward(*state, *given)` returns the next state, of the same shapes and dtypes."""

    @abstractmethod
    def goes_on(self, *tensors: Tensor) -> Tensor:
        """Whether another pass follows, a bool without dimensions, by what `forward` gets."""


def run_loop(body: LoopBody, state: Sequence[Tensor], given: Sequence[Tensor] = ()) -> tuple[Tensor, ...]:
    """Return the state after the last pass; there may be none.

    At export, `body` must not be an attribute of an exported module, though its parts are: tracing would take it for
    that of another graph.
    """
    if not torch.onnx.is_in_onnx_export():
        while body.goes_on(*state, *given):
            state = body(*state, *given)
        return tuple(state)
    weights = {**dict(body.named_parameters()), **dict(body.named_buffers())}
    reading = len(state) + len(given)

    def goes_on(*tensors: Tensor) -> Tensor:
        return body.goes_on(*tensors[:reading])

    def step(*tensors: Tensor) -> tuple[Tensor, ...]:
        after = functional_call(body, dict(zip(weights, tensors[reading:], strict=True)), tensors[:reading])
        return tuple(tensor.contiguous() for tensor in after)

    # Without `torch.while_loop`, which has Dynamo read the source code of the modules.
    with body_of_loop():
        return torch.ops.higher_order.while_loop(goes_on, step, tuple(state), (*given, *weights.values()))


def resized(x: Tensor, before: Tensor) -> Tensor:
    """x as the next state of `before`, from which its size differs: `Loop` allows that, PyTorch's loop does not.

    Only as a body's last operation: the size that PyTorch assumes is that of `before`.
    """
    if not torch.onnx.is_in_onnx_export():
        return x
    return torch.onnx.ops.symbolic("Identity", (x,), dtype=x.dtype, shape=before.shape, version=IDENTITY_VERSION)


def size_in(x: Tensor) -> int:
    """A size that is the value of an integer tensor without dimensions."""
    return cast(int, x.item())


def varying(count: int, lengths: Tensor) -> int:
    """`count`, at least 1, as a size that may become another one: of axes that grow in a loop over lengths (B,)."""
    size = size_in((lengths < 0).sum() + count)
    torch._check(size >= 1)
    return size


def rows_of(table: Tensor, index: Tensor) -> Tensor:
    """The rows index (B, ...), counted for each of B utterances, of table (B, R, ...): (B, ..., ...)."""
    batch, rows = table.shape[:2]
    first = torch.arange(batch, device=table.device) * rows
    flat = (index + first.view(-1, *[1] * (index.dim() - 1))).flatten()
    return table.flatten(0, 1).index_select(0, flat).view(*index.shape, *table.shape[2:])
