"""The interface of synthesis models that give discrete units."""

from __future__ import annotations

from espnet2.tts.abs_tts import AbsTTS


class AbsTTS2(AbsTTS):
    """Text to discrete units of speech.

    Attributes:
        discrete_token_layers: units of a frame; those of a frame follow each other.
    """

    discrete_token_layers: int = 1
