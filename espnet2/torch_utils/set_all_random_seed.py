"""Seeding of all random number generators."""

from __future__ import annotations

import random

import numpy as np
import torch


def set_all_random_seed(seed: int) -> None:
    """Seed the generators of Python, NumPy and PyTorch."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
