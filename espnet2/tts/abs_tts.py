"""The interface of synthesis models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn

from espnet2.interface.spec import Component


class AbsTTS(nn.Module, ABC):
    """Text to features or samples.

    Attributes:
        conditions: names of what the model is given beside the text: `sids`, `lids`, `spembs`, `style`, in this order.
        use_gst: whether it speaks in the style of a reference (global style tokens).
    """

    conditions: tuple[str, ...] = ()
    use_gst: bool = False

    @abstractmethod
    def forward(self, *batch: Any, **fields: Any) -> tuple[torch.Tensor, dict[str, Any], torch.Tensor]:
        """The loss of text (B, U) and features (B, T, F): loss, statistics by name, weight of the batch."""

    @abstractmethod
    def inference(self, *arguments: Any, **further: Any) -> dict[str, torch.Tensor]:
        """Results by name for one text (U,)."""

    def components(self) -> tuple[Component, ...]:
        """Graphs of methods of this module."""
        return ()

    def parts(self) -> tuple[tuple[nn.Module, Component], ...]:
        """All graphs, each with the module whose method it is; those of this module come first."""
        return tuple((self, component) for component in self.components())

    @property
    def require_raw_speech(self) -> bool:
        """Whether training reads samples."""
        return False

    @property
    def require_vocoder(self) -> bool:
        """Whether samples need a vocoder."""
        return True
