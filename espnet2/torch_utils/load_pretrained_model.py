"""Initialisation from pretrained weights (option `--init_param`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import torch

from espnet2.interface.errors import CheckpointError, OptionError
from espnet2.torch_utils.checkpoint import load_checkpoint, own_tensors

SHOWN = 5  # number of names in an error


def load_pretrained_model(
    init_param: str, model: torch.nn.Module, ignore_init_mismatch: bool = False, map_location: str = "cpu"
) -> list[str]:
    """Copy weights from a file into a model, and return the names of the tensors that were set.

    Args:
        init_param: `FILE:SOURCE:DESTINATION:EXCLUDED`: tensors below SOURCE in the file are copied below DESTINATION in
            the model, except names that begin with one of EXCLUDED (separated by commas). All but the file may be
            left out or empty.
        model: changed in place.
        ignore_init_mismatch: skip tensors that are not in the model or have another shape.
        map_location: without effect: weights are copied to the model's device.

    Raises:
        CheckpointError: the file cannot be read, a tensor does not match, or none is left.
        OptionError: there is no file in `init_param`, or no such name in the model.
    """
    path, source, destination, excluded = (init_param.split(":") + [""] * 3)[:4]
    if not path or init_param.count(":") > 3:
        raise OptionError(f"init_param: expected FILE:SOURCE:DESTINATION:EXCLUDED, found {init_param!r}")
    if not Path(path).is_file():
        raise OptionError(f"init_param: expected a file, found no file {path!r}")
    barred = [name for name in excluded.split(",") if name]
    state = {
        name: tensor
        for name, tensor in load_checkpoint(path).items()
        if not any(name.startswith(prefix) for prefix in barred)
    }
    if source:
        state = {name.removeprefix(f"{source}."): state[name] for name in state if name.startswith(f"{source}.")}
    state = {f"{destination}.{name}" if destination else name: tensor for name, tensor in state.items()}
    fitting = _fitting(model.state_dict(), own_tensors(model, state), init_param, ignore_init_mismatch)
    model.load_state_dict(fitting, strict=False)
    logging.info("%s: %d tensors set", init_param, len(fitting))
    return list(fitting)


def filter_state_dict(
    dst_state: Mapping[str, torch.Tensor], src_state: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return the tensors of `src_state` that `dst_state` has in the same shape."""
    return {
        name: tensor
        for name, tensor in src_state.items()
        if name in dst_state and dst_state[name].shape == tensor.shape
    }


def _fitting(
    own: dict[str, torch.Tensor], state: dict[str, torch.Tensor], source: str, ignore_mismatch: bool
) -> dict[str, torch.Tensor]:
    """Return the tensors of `state` that the model has in the same shape; raises unless others are to be ignored."""
    fitting = filter_state_dict(own, state)
    others = [name for name in state if name not in fitting]
    if others and not ignore_mismatch:
        first = ", ".join(others[:SHOWN])
        raise CheckpointError(
            f"{source}: expected tensors of the model in its shapes, found {len(others)} others: {first} "
            "(--ignore_init_mismatch true leaves them out)"
        )
    if not fitting:
        raise CheckpointError(f"{source}: expected tensors of the model, found none with its names and shapes")
    return fitting
