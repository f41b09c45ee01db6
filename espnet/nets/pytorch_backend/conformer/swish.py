"""Swish activation."""

from espnet.nets.pytorch_backend.nets_utils import Swish

__all__ = ["Swish"]
