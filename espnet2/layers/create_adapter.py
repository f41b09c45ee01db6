"""Adapters by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from typeguard import typechecked

from espnet2.layers.create_adapter_fn import create_houlsby_adapter, create_lora_adapter

create_adapter_fn_table: dict[str, Callable[..., None]] = {
    "lora": create_lora_adapter,
    "houlsby": create_houlsby_adapter,
}


@typechecked
def create_adapter(model: nn.Module, adapter: str, adapter_conf: dict[str, Any]) -> None:
    """Put adapters into the model, in place.

    Args:
        model: the model.
        adapter: a name of `create_adapter_fn_table`.
        adapter_conf: options of that function.

    Raises:
        AssertionError: an unknown name.
    """
    assert adapter in create_adapter_fn_table, f"adapter: expected one of lora, houlsby, found {adapter!r}"
    create_adapter_fn_table[adapter](model=model, **adapter_conf)
