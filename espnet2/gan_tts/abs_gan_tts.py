"""The interface of synthesis models that are trained against a discriminator."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from espnet2.tts.abs_tts import AbsTTS


class AbsGANTTS(AbsTTS):
    """A generator and a discriminator, which are trained in turn.

    Subclasses have them as modules `generator` and `discriminator`.
    """

    generator: Any

    @property
    def upsample_factor(self) -> int:
        """Samples for each frame."""
        return self.generator.upsample_factor

    @abstractmethod
    def forward(self, *batch: Any, **fields: Any) -> Any:
        """The loss of the generator or, with `forward_generator` false, of the discriminator.

        Returns:
            `loss`, `stats` (statistics by name), `weight` of the batch, and `optim_idx`: 0 for the generator's
            optimiser, 1 for the discriminator's.
        """
