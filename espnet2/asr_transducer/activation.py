"""Activations of stand-alone transducers, by name and with parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import choose


class FTSwish(nn.Module):
    """Flattened-T swish (Chieng et al. 2018): x · sigmoid(x) + T if that is not negative, otherwise T.

    The paper has T for negative x. Upstream's models were trained with a longer flat part.

    Args:
        threshold: T.
        mean_shift: subtracted from every output.

    Raises:
        ValueError: a threshold of 0 or more.
    """

    def __init__(self, threshold: float = -0.2, mean_shift: float = 0.0):
        super().__init__()
        if threshold >= 0:
            raise ValueError(f"ftswish_threshold: expected a negative number, found {threshold}")
        self.threshold, self.mean_shift = threshold, mean_shift

    def forward(self, x: Tensor) -> Tensor:
        """Any shape → the same shape."""
        shifted = nn.functional.silu(x) + self.threshold
        return torch.where(shifted >= 0, shifted, self.threshold) - self.mean_shift


class Smish(nn.Module):
    """alpha · x · tanh(log(1 + sigmoid(beta · x))) (Wang et al. 2022); a constant that is not positive means 1."""

    def __init__(self, alpha: float = 1.0, beta: float = 1.0):
        super().__init__()
        self.alpha, self.beta = (value if value > 0 else 1.0 for value in (alpha, beta))

    def forward(self, x: Tensor) -> Tensor:
        """Any shape → the same shape."""
        return self.alpha * x * (1 + torch.sigmoid(self.beta * x)).log().tanh()


class Swish(nn.Module):
    """x · sigmoid(x) (Ramachandran et al. 2017), times a beta above 1.

    The paper's beta is inside the sigmoid. Upstream's models were trained with it outside, and without effect up to 1.
    """

    def __init__(self, beta: float = 1.0):
        super().__init__()
        self.scale = max(beta, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape → the same shape."""
        return nn.functional.silu(x) * self.scale


# Upstream's `softplus` parameters have no effect: its mish is PyTorch's, which has no parameters.
PARAMETERS: dict[str, float] = {
    "ftswish_threshold": -0.2,
    "ftswish_mean_shift": 0.0,
    "hardtanh_min_val": -1.0,
    "hardtanh_max_val": 1.0,
    "leakyrelu_neg_slope": 0.01,
    "smish_alpha": 1.0,
    "smish_beta": 1.0,
    "softplus_beta": 1.0,
    "softplus_threshold": 20,
    "swish_beta": 1.0,
}
ACTIVATIONS: dict[str, Callable[[Mapping[str, float]], nn.Module]] = {
    "ftswish": lambda given: FTSwish(given["ftswish_threshold"], given["ftswish_mean_shift"]),
    "hardtanh": lambda given: nn.Hardtanh(given["hardtanh_min_val"], given["hardtanh_max_val"]),
    "identity": lambda given: nn.Identity(),
    "leaky_relu": lambda given: nn.LeakyReLU(given["leakyrelu_neg_slope"]),
    "mish": lambda given: nn.Mish(),
    "relu": lambda given: nn.ReLU(),
    "selu": lambda given: nn.SELU(),
    "smish": lambda given: Smish(given["smish_alpha"], given["smish_beta"]),
    "swish": lambda given: Swish(given["swish_beta"]),
    "tanh": lambda given: nn.Tanh(),
}


def get_activation(activation_type: str, **parameters: float) -> nn.Module:
    """Make an activation.

    Args:
        activation_type: one of `ACTIVATIONS`.
        parameters: some of `PARAMETERS`; those of other activations are ignored.

    Raises:
        ValueError: another name, or a parameter that is no number.
    """
    for name, value in parameters.items():
        choose("parameter of activations", name, PARAMETERS)
        if type(value) not in (int, float):
            raise ValueError(f"{name}: expected a number, found {value!r}")
    return choose("activation_type", activation_type, ACTIVATIONS)({**PARAMETERS, **parameters})
