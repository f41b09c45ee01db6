"""Layer of the Transformer over blocks with context vectors (Tsunoo et al. 2019)."""

from __future__ import annotations

from espnet.nets.pytorch_backend.transformer.encoder_layer import EncoderLayer


class ContextualBlockEncoderLayer(EncoderLayer):
    """A layer of the Transformer; its rows are blocks, in which context vectors stand at both ends."""
