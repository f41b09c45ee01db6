"""Sizes of models in words."""

from __future__ import annotations

import torch

UNITS = (" ", "K", "M", "B", "T")  # of counts, each 1000 times the one before
BYTES = ("bytes", "KB", "MB", "GB", "TB")


def get_human_readable_count(number: int) -> str:
    """`1.20 K`, `7.50 M`: a count with two decimals and a unit of up to T (10^12)."""
    value, unit = _scaled(number, UNITS)
    return f"{value:.2f} {unit}"


def to_bytes(dtype: torch.dtype) -> int:
    """Bytes of an element."""
    return torch.empty((), dtype=dtype).element_size()


def model_summary(model: torch.nn.Module) -> str:
    """The structure of a model, its number of parameters, and the bytes of those that are trained."""
    parameters = list(model.parameters())
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    total, count = (sum(parameter.numel() for parameter in group) for group in (parameters, trained))
    share = f"{count * 100 / total:.1f}" if total else "0.0"
    value, unit = _scaled(sum(parameter.numel() * to_bytes(parameter.dtype) for parameter in trained), BYTES)
    return (
        f"Model structure:\n{model}\n\nModel summary:\n"
        f"    Class Name: {type(model).__name__}\n"
        f"    Total Number of model parameters: {get_human_readable_count(total)}\n"
        f"    Number of trainable parameters: {get_human_readable_count(count)} ({share}%)\n"
        f"    Size: {f'{value:.2f}'.rstrip('0').rstrip('.')} {unit}\n"
        f"    Type: {parameters[0].dtype if parameters else None}"
    )


def _scaled(number: float, units: tuple[str, ...]) -> tuple[float, str]:
    """A number in the largest unit that leaves it 1 or more."""
    for unit in units[:-1]:
        if number < 1000:
            return number, unit
        number /= 1000
    return number, units[-1]
