"""Conversion of modules to another precision: another dtype, or 8-bit matrix products."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

import torch

from espnet2.interface.errors import OptionError

QUANTIZED = {"qint8": torch.qint8, "float16": torch.float16}
LAYERS = ("Linear", "LSTM", "GRU", "LSTMCell", "GRUCell", "RNNCell")  # layers that PyTorch quantises dynamically


def convert(modules: Iterable[torch.nn.Module], dtype: str) -> None:
    """Convert modules to a floating point dtype, in place."""
    for module in modules:
        module.to(getattr(torch, dtype))


def quantize(modules: Iterable[torch.nn.Module], layers: str | Sequence[str], dtype: str) -> None:
    """Quantise the `layers` within modules by PyTorch's dynamic quantisation, in place, as upstream does.

    Raises:
        OptionError: A layer or a dtype that PyTorch cannot quantise dynamically.
    """
    layers = [layers] if isinstance(layers, str) else layers
    for name in layers:
        if name not in LAYERS:
            raise OptionError(f"quantize_modules: expected some of {', '.join(LAYERS)}, found {name!r}")
    if dtype not in QUANTIZED:
        raise OptionError(f"quantize_dtype: expected one of {', '.join(QUANTIZED)}, found {dtype!r}")
    kinds = {getattr(torch.nn, name) for name in layers}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.ao.quantization is deprecated", DeprecationWarning)
        warnings.filterwarnings("ignore", "torch.quantize_per_tensor", UserWarning)
        for module in modules:
            torch.ao.quantization.quantize_dynamic(module, kinds, QUANTIZED[dtype], inplace=True)
