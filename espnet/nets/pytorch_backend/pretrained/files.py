"""Reading files of pretrained models, which may come from strangers."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

# Errors of PyTorch for files that are truncated, damaged or not PyTorch's.
UNREADABLE = (pickle.UnpicklingError, OSError, RuntimeError, EOFError, LookupError, ValueError, TypeError)


def read_model(path: str | Path, kind: str, allowed: Sequence[Any] = ()) -> Mapping[str, Any]:
    """Read the mapping stored in the file at `path`, without running code from it.

    Args:
        path: the file.
        kind: expected content, for error messages.
        allowed: classes that it may hold beside tensors and plain values.

    Raises:
        ValueError: it cannot be read, holds another class, or no mapping.
    """
    try:
        # PyTorch warns about the protocol of a plain pickle before it refuses it; the refusal is the message to show.
        with warnings.catch_warnings(), torch.serialization.safe_globals(list(allowed)):
            warnings.simplefilter("ignore", UserWarning)
            content = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        wanted = re.search(r"GLOBAL (\S+)", str(error))
        found = f"one with {wanted[1]}, which is not run" if wanted else "a file that is damaged or of another kind"
        raise ValueError(f"{path}: expected {kind}, found {found}") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{path}: expected {kind}, found a {type(content).__name__}")
    return content
