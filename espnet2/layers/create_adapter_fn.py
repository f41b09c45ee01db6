"""Put adapters into an existing model; the caller decides which parameters are trained."""

from __future__ import annotations

from torch import nn
from typeguard import typechecked

from espnet2.interface.errors import MissingPackageError
from espnet2.layers.houlsby_adapter_layer import Houlsby_Adapter
from espnet2.layers.lora import with_adapter


@typechecked
def create_lora_adapter(
    model: nn.Module,
    rank: int = 8,
    alpha: int = 8,
    dropout_rate: float = 0.0,
    target_modules: list[str] = ["query"],  # noqa: B006 (upstream's signature)
    bias_type: str | None = "none",
) -> None:
    """Add low-rank adapters (Hu et al. 2022) to layers, in place, and leave the model in evaluation mode.

    Args:
        model: the model.
        rank, alpha, dropout_rate: see `LowRank`.
        target_modules: ends of the names of the layers.
        bias_type: which biases are trained, too; as in upstream, left to the caller.

    Raises:
        ValueError: no layer has such a name, or one is no linear layer, embedding or convolution.
    """
    names = [name for name, _ in model.named_modules() if any(name.endswith(end) for end in target_modules)]
    if not names:
        raise ValueError(f"target_modules: expected ends of names of the model's layers, found {target_modules}")
    for name in names:
        parent, _, last = name.rpartition(".")
        layer = with_adapter(model.get_submodule(name), rank, alpha, dropout_rate)
        setattr(model.get_submodule(parent), last, layer)
    model.eval()


@typechecked
def create_houlsby_adapter(
    model: nn.Module,
    bottleneck: int = 32,
    target_layers: list[int] = [],  # noqa: B006 (upstream's signature)
) -> None:
    """Add bottleneck adapters to an s3prl front end, which is not supported.

    Raises:
        AssertionError: the model has no such front end.
        MissingPackageError: it has one.
    """
    assert hasattr(model, "frontend") and hasattr(model.frontend, "upstream"), "Only an s3prl front end has such layers"
    raise MissingPackageError(f"houlsby: expected package s3prl, found none; {Houlsby_Adapter.__name__} is there alone")
