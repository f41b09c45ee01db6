"""Safe reading of weights from untrusted files, and strict loading into a model."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espnet.nets.pytorch_backend.saved_file import UnreadableError, fault_of, read_saved
from espnet.nets.pytorch_backend.state_names import upgraded
from espnet2.interface.errors import CheckpointError, kind_of

SHOWN = 5  # number of keys in an error

# Classes in a trainer's checkpoint.pth beside tensors: epoch times, and scalars of numpy 1 and 2.
_scalar = np.float64(0).__reduce__()[0]
SAFE_GLOBALS: list[Any] = [
    datetime.timedelta,
    np.dtype,
    type(np.dtype(np.float64)),
    type(np.dtype(np.float32)),
    type(np.dtype(np.int64)),
    (_scalar, "numpy.core.multiarray.scalar"),
    (_scalar, "numpy._core.multiarray.scalar"),
]

# Key of the model's state dict in files of trainers: ESPnet, DeepSpeed, Lightning.
SECTIONS = ("model", "module", "state_dict")
ATTRIBUTE = "model."  # prefix of the model's tensors in a Lightning module
ADAPTERS = ("lora_A", "lora_B")  # low-rank adapters of package loralib


@dataclass(frozen=True)
class Loaded:
    """Summary of a loaded file: its path, and numbers of tensors and parameters."""

    path: str
    tensors: int
    parameters: int


def load_checkpoint(path: str | Path, part: str = "") -> dict[str, torch.Tensor]:
    """Read a state dict, or the model's part of a trainer's checkpoint, without running code from the file.

    Of files that hold several models by name, `part` is the one to read.

    Raises `CheckpointError` for a file that is missing, damaged, not a state dict, or needs code to be run.
    """
    try:
        state = read_saved(path, SAFE_GLOBALS)
    except UnreadableError as error:
        raise CheckpointError(f"{path}: {_refusal(error)}") from error
    state = _model_of(state)
    state = state[part] if part and isinstance(state, Mapping) and isinstance(state.get(part), Mapping) else state
    if not isinstance(state, Mapping) or not state or not all(torch.is_tensor(value) for value in state.values()):
        raise CheckpointError(f"{path}: expected a state dict (tensors by name), found {_content(state)}")
    for key, tensor in state.items():
        if not isinstance(key, str):
            raise CheckpointError(f"{path}: expected names of tensors, found {_name(key)}")
        if found := fault_of(tensor):
            raise CheckpointError(f"{path}: expected {key} as a dense tensor of real numbers, found {found}")
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path}: expected finite numbers in {key}, found NaN or infinity")
    return dict(state)


def _model_of(content: Any) -> Any:
    """Return the model's part of a trainer's file, or `content` itself if it has no such part."""
    if not isinstance(content, Mapping):
        return content
    state = next((content[name] for name in SECTIONS if isinstance(content.get(name), Mapping)), content)
    if state and all(isinstance(name, str) and name.startswith(ATTRIBUTE) for name in state):
        return {name.removeprefix(ATTRIBUTE): value for name, value in state.items()}
    return state


def _refusal(error: UnreadableError) -> str:
    if error.wanted:
        return f"expected a state dict (tensors by name), found a file whose loading would run {error.wanted}"
    return f"expected a checkpoint, found{error.found}"


def _name(key: Any) -> str:
    """A key in a message: the representation of what is no string may be endless."""
    return repr(key) if isinstance(key, str | int | float) else kind_of(key)


def _content(state: Any) -> str:
    if not isinstance(state, Mapping):
        return "nothing" if state is None else type(state).__name__
    other = next((key for key, value in state.items() if not torch.is_tensor(value)), None)
    return "an empty one" if other is None else f"{kind_of(state[other])} under {_name(other)}"


def load_state(model: torch.nn.Module, state: Mapping[str, torch.Tensor], path: str | Path) -> Loaded:
    """Copy `state`, read from `path`, into `model`; all keys and shapes must match.

    Names of other releases are renamed (`espnet.nets.pytorch_backend.state_names`). Low-rank adapters that the model
    lacks are skipped: upstream's trainer saves them with weights into which they are already merged.

    Raises `CheckpointError` that counts and names the keys at fault.
    """
    expected = model.state_dict()
    state = own_tensors(model, state)
    faults = {
        "lacks": [key for key in expected if key not in state],
        "has left over": [key for key in state if key not in expected],
        "has in another shape": [
            f"{key} {tuple(state[key].shape)} instead of {tuple(value.shape)}"
            for key, value in expected.items()
            if key in state and state[key].shape != value.shape
        ],
    }
    found = "; ".join(f"{fault} {len(keys)}: {_first(keys)}" for fault, keys in faults.items() if keys)
    if found:
        raise CheckpointError(
            f"{path}: expected the {len(expected)} tensors that the config describes, found that it {found}"
        )
    model.load_state_dict(state)
    loaded = Loaded(str(path), len(state), sum(value.numel() for value in state.values()))
    logging.info("%s: loaded %d tensors, %d parameters", loaded.path, loaded.tensors, loaded.parameters)
    return loaded


def own_tensors(model: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors of `state` under the names of `model`, without merged adapters that it lacks."""
    expected = model.state_dict()
    return {key: value for key, value in upgraded(model, state).items() if key in expected or not _merged(key, state)}


def _merged(key: str, state: Mapping[str, torch.Tensor]) -> bool:
    """Whether a tensor is part of an adapter whose layer's weight is present, too."""
    name = key.rpartition(".")[2]
    return name in ADAPTERS and f"{key.removesuffix(name)}weight" in state


def _first(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")
