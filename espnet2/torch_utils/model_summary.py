"""Human-readable summary of models."""

from __future__ import annotations

import torch

UNITS = (" ", "K", "M", "B", "T")  # units of counts, in steps of 1000
BYTES = ("bytes", "KB", "MB", "GB", "TB")


def get_human_readable_count(number: int) -> str:
    """Format a count with two decimals and a unit of up to T (10^12): `1.20 K`, `7.50 M`."""
    value, unit = _scaled(number, UNITS)
    return f"{value:.2f} {unit}"


def to_bytes(dtype: torch.dtype) -> int:
    """Return the size of an element in bytes."""
    return torch.empty((), dtype=dtype).element_size()


def model_summary(model: torch.nn.Module) -> str:
    """Describe a model's structure, its number of parameters, and the size of trainable ones."""
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
    """Scale a number to the largest unit in which it is at least 1."""
    for unit in units[:-1]:
        if number < 1000:
            return number, unit
        number /= 1000
    return number, units[-1]
