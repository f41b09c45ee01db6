"""Reading weights that may come from strangers, and loading them into a model without losing any."""

from __future__ import annotations

import datetime
import errno
import logging
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espnet.nets.pytorch_backend.state_names import upgraded
from espnet2.interface.errors import CheckpointError

SHOWN = 5  # keys that an error names
DAMAGED = "a file that is truncated or damaged"

# What a trainer's checkpoint.pth holds beside tensors: epoch times, and numpy's scalars as numpy 1 and 2 name them.
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

# Where trainers keep the model's state dict in what they write: ESPnet, DeepSpeed, Lightning.
SECTIONS = ("model", "module", "state_dict")
ATTRIBUTE = "model."  # of a Lightning module, whose model's names begin so
ADAPTERS = ("lora_A", "lora_B")  # low-rank adapters of package loralib, beside the weight that they change


@dataclass(frozen=True)
class Loaded:
    """What was loaded from `path`: numbers of tensors and of parameters in them."""

    path: str
    tensors: int
    parameters: int


def load_checkpoint(path: str | Path) -> dict[str, torch.Tensor]:
    """Read a state dict, or the model's from a trainer's checkpoint, without running any code that the file holds.

    Raises `CheckpointError` for a file that is missing, damaged, not a state dict, or wants to run code.
    """
    try:
        # A protocol warning precedes the refusal of a plain pickle, which is the message to give.
        with warnings.catch_warnings(), torch.serialization.safe_globals(SAFE_GLOBALS):
            warnings.simplefilter("ignore", UserWarning)
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path}: {_refusal(str(error))}") from error
    except OSError as error:
        # PyTorch seeks before the beginning of an archive that was cut off.
        found = DAMAGED if error.errno in (None, errno.EINVAL) else str(error.strerror).lower()
        raise CheckpointError(f"{path}: expected a checkpoint, found: {found}") from error
    except (RuntimeError, EOFError, KeyError, ValueError, IndexError) as error:
        raise CheckpointError(f"{path}: expected a checkpoint, found {DAMAGED}") from error
    state = _model_of(state)
    if not isinstance(state, Mapping) or not state or not all(torch.is_tensor(value) for value in state.values()):
        raise CheckpointError(f"{path}: expected a state dict (tensors by name), found {_content(state)}")
    for key, tensor in state.items():
        if not isinstance(key, str):
            raise CheckpointError(f"{path}: expected names of tensors, found {key!r}")
        if tensor.layout != torch.strided or tensor.is_meta or tensor.is_complex():
            raise CheckpointError(f"{path}: expected {key} as a dense tensor of real numbers, found another kind")
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path}: expected finite numbers in {key}, found NaN or infinity")
    return dict(state)


def _model_of(content: Any) -> Any:
    """The model's part of what a trainer wrote; `content` itself where it is no mapping with such a part."""
    if not isinstance(content, Mapping):
        return content
    state = next((content[name] for name in SECTIONS if isinstance(content.get(name), Mapping)), content)
    if state and all(isinstance(name, str) and name.startswith(ATTRIBUTE) for name in state):
        return {name.removeprefix(ATTRIBUTE): value for name, value in state.items()}
    return state


def _refusal(message: str) -> str:
    wanted = re.search(
        r"GLOBAL (\w+(?:\.\w+)+)", message
    )  # a text file that starts with c looks like one without a dot
    if wanted is None:
        return f"expected a checkpoint, found {DAMAGED}, or a plain pickle"
    return f"refused, since it wants to run {wanted[1]}; expected a state dict (tensors by name)"


def _content(state: Any) -> str:
    if not isinstance(state, Mapping):
        return type(state).__name__
    other = next((key for key, value in state.items() if not torch.is_tensor(value)), None)
    return "an empty one" if other is None else f"{type(state[other]).__name__} under {other!r}"


def load_state(model: torch.nn.Module, state: Mapping[str, torch.Tensor], path: str | Path) -> Loaded:
    """Copy `state`, read from `path`, into `model`; every key has to be there and every shape has to fit.

    Names of other releases are those of the model's own (`espnet.nets.pytorch_backend.state_names`). Low-rank adapters
    that the model lacks are left out: upstream's trainer saves them with the weights that they are merged into already.

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
        raise CheckpointError(f"{path}: expected the {len(expected)} tensors that the config describes; it {found}")
    model.load_state_dict(state)
    loaded = Loaded(str(path), len(state), sum(value.numel() for value in state.values()))
    logging.info("%s: loaded %d tensors, %d parameters", loaded.path, loaded.tensors, loaded.parameters)
    return loaded


def own_tensors(model: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of `state` under the names of `model`, without adapters that it lacks and that weights hold."""
    expected = model.state_dict()
    return {key: value for key, value in upgraded(model, state).items() if key in expected or not _merged(key, state)}


def _merged(key: str, state: Mapping[str, torch.Tensor]) -> bool:
    """Whether a tensor is part of an adapter whose layer's weight is there as well."""
    name = key.rpartition(".")[2]
    return name in ADAPTERS and f"{key.removesuffix(name)}weight" in state


def _first(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")
