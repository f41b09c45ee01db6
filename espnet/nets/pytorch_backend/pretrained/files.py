"""Reading files of pretrained models, which may come from strangers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet.nets.pytorch_backend.saved_file import UnreadableError, read_saved


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
        content = read_saved(path, allowed)
    except UnreadableError as error:
        found = f" one with {error.wanted}, which is not run" if error.wanted else error.found
        raise ValueError(f"{path}: expected {kind}, found{found}") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{path}: expected {kind}, found a {type(content).__name__}")
    return content
