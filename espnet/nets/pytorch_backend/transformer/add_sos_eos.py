"""Input and target sequences of an attention decoder."""

from __future__ import annotations

import torch
from torch import Tensor


def add_sos_eos(ys_pad: Tensor, sos: int, eos: int, ignore_id: int) -> tuple[Tensor, Tensor]:
    """Texts (B, U), padded by `ignore_id` → those that start with `sos`, padded by `eos`, and those that end with
    `eos`, padded by `ignore_id`, both (B, U + 1)."""
    padding = ys_pad == ignore_id
    source = torch.nn.functional.pad(ys_pad.masked_fill(padding, eos), (1, 0), value=sos)
    target = torch.nn.functional.pad(ys_pad, (0, 1), value=ignore_id)
    ends = (~padding).sum(dim=1, keepdim=True)
    return source, target.scatter(1, ends, eos)
