"""Moving modules to a device."""

from __future__ import annotations

import torch

from espnet2.interface.errors import OptionError


def to_device(module: torch.nn.Module, device: str) -> None:
    """Move a module; raises `OptionError` for a device that PyTorch cannot use."""
    try:
        module.to(torch.device(device))
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(f"device: expected one that PyTorch can use, found {device!r}: {reason}") from error
