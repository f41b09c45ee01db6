"""A kind of rows of the zoo: how what a row builds is called, and which checks it gets.

Upstream's modules and ours are called by the same few lines, so nothing here knows this project.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import zoo_data

Batch = Mapping[str, torch.Tensor]
Outputs = dict[str, tuple[torch.Tensor, torch.Tensor]]  # by name, each with its valid steps per utterance (B,)
Call = Callable[[torch.nn.Module, Batch, torch.Tensor], Outputs]


@dataclass(frozen=True)
class Kind:
    """Calls and checks of rows of a kind; every row is also compared with its golden.

    Attributes:
        call: Maps the module, the padded inputs of a batch and their lengths (B,) to the outputs.
        padded: Whether outputs must not depend on what lies in the padding.
        exported: Whether the graphs that the module declares are compared with PyTorch.
        steps: Checks graphs of steps, as onnxruntime runs them, against the module: called with the module and these.
        heads: Row whose graphs behind the first are those of every row of this kind; none: each has its own.
        trained: Whether gradients in training mode are checked.
        around: Keys of a configuration that make a recogniser of a part of this kind; none: it is none of its choices.
    """

    call: Call
    padded: bool = False
    exported: bool = False
    steps: Callable[..., None] | None = None
    heads: str = ""
    trained: bool = False
    around: Mapping[str, Any] | None = None


def attribute(target: str) -> Any:
    """The object called `module:name`."""
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)


def token_lengths(lengths: torch.Tensor) -> torch.Tensor:
    """Tokens that go with utterances of these lengths."""
    return torch.tensor([zoo_data.tokens_for(int(length)) for length in lengths])


def mask(lengths: torch.Tensor) -> torch.Tensor:
    """True on valid frames: (B, 1, T)."""
    return (torch.arange(int(lengths.max())) < lengths[:, None])[:, None]


def digest(name: str, value: torch.Tensor) -> list[float]:
    """The norm, and the product with a tensor that is drawn from the name and is as large as ones."""
    array = value.detach().double().numpy()
    return [float(np.sqrt((array**2).sum())), float((array * zoo_data.drawn(name, array.shape)).sum())]
