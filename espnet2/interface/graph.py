"""The protocol of a graph that runs, whoever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from espnet2.interface.spec import Component


class Graph(Protocol):
    """A component that runs: arrays, or values of another call, in by name, and values by name out.

    `espnet.nets.tensors.as_array` gives the array of a value.
    """

    component: Component

    def __call__(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]: ...
