"""Kinds of rows of WaveNet and VITS; see `zoo_kind`."""

from __future__ import annotations

import torch
from zoo_kind import Batch, Kind, Outputs, mask


def _wavenet(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Outputs of a batch whose padding is masked; a model without a mask on its input reads zeros there."""
    valid = mask(lengths).float()
    further = {name: batch[name].transpose(1, 2) if name == "c" else batch[name][..., None] for name in batch}
    further.pop("x")
    return {"out": (module(batch["x"].transpose(1, 2) * valid, valid, **further).transpose(1, 2), lengths)}


KINDS = {"wavenet": Kind(_wavenet)}
