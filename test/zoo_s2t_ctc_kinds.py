"""Kind of rows of models whose encoder reads a prompt; see `zoo_kind`."""

from __future__ import annotations

import torch
from zoo_kind import Batch, Kind, Outputs, token_lengths


def _encode(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    prompt = batch["text_prev"], token_lengths(lengths), batch["prefix"], torch.full_like(lengths, 2)
    encoded, valid = module.encode(batch["speech"], lengths, *prompt)
    last, between = encoded if isinstance(encoded, tuple) else (encoded, [])
    hidden = {f"layer{index}": (value, valid) for index, value in between}
    return {"out": (last, valid), "ctc": (module.ctc.log_softmax(last), valid), **hidden}


KINDS = {"encode_prompted": Kind(_encode, padded=True, exported=True)}
