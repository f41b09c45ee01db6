"""Stochastic gradient descent with a default learning rate."""

from __future__ import annotations

import torch


class SGD(torch.optim.SGD):
    """PyTorch's SGD with a default learning rate of 0.1."""

    def __init__(
        self,
        params,
        lr: float = 0.1,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, lr, momentum, dampening, weight_decay, nesterov)
