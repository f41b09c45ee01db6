"""A trained model before inference: device, precision and quantised layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espnet2.inference.trained import Trained


def prepare(trained: Trained, device: str, dtype: str) -> None:
    """Move a model to a device, and convert it to a precision; raises `OptionError` for what PyTorch cannot do."""
    from espnet2.torch_utils.precision import convert
    from espnet2.torch_utils.to_device import to_device
    from espnet2.utils.upstream_options import require_dtype

    require_dtype(dtype)
    for module, _ in trained.parts:
        to_device(module, device)
    convert((module for module, _ in trained.parts), dtype)


def quantize(trained: Trained, model: bool, companions: bool, layers: Sequence[str], dtype: str) -> None:
    """Convert the weights of layers of the model, or of its companions such as a language model, to another dtype."""
    from espnet2.torch_utils.precision import quantize as quantize_layers

    count = len(trained.model.parts())
    quantize_layers([trained.model] if model else [], layers, dtype)
    quantize_layers([module for module, _ in trained.parts[count:]] if companions else [], layers, dtype)
