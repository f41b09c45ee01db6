"""Base of lightweight and dynamic causal convolutions over tokens (Wu et al. 2019)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from espnet.nets.pytorch_backend.nets_utils import require_positive, require_rates


class CausalConvolution(nn.Module, ABC):
    """Gated linear unit, a convolution of each channel with the P tokens before, linear layer.

    Kernels are centred in checkpoints; only their first half, up to the middle, is used: P = (kernel_size - 1) // 2.

    Args:
        wshare: H, different kernels, shared by D / H channels each.
        n_feat: D.
        dropout_rate: dropout of kernels.
        kernel_size: K, of the centred kernel.
        use_kernel_mask: must be True, as decoders set it: the convolution is causal.
        use_bias: add a bias to each channel.

    Raises:
        ValueError: `use_kernel_mask` is not set, or `wshare` does not divide D.
    """

    widening = 1  # vectors that the last linear layer reads

    def __init__(
        self,
        wshare: int,
        n_feat: int,
        dropout_rate: float,
        kernel_size: int,
        use_kernel_mask: bool = False,
        use_bias: bool = False,
    ):
        super().__init__()
        require_positive(conv_wshare=wshare, conv_kernel_length=kernel_size)
        require_rates(self_attention_dropout_rate=dropout_rate)
        if not use_kernel_mask:
            raise ValueError("use_kernel_mask: expected True, since tokens follow one another; found False")
        if n_feat % wshare:
            raise ValueError(f"conv_wshare: expected a divisor of {n_feat} channels, found {wshare}")
        self.wshare, self.size, self.kernel_size = wshare, n_feat, kernel_size
        self.before_middle = (kernel_size - 1) // 2
        self.linear1 = nn.Linear(n_feat, 2 * n_feat)
        self.act = nn.GLU()
        self.linear2 = nn.Linear(self.widening * n_feat, n_feat)
        self.bias = nn.Parameter(torch.zeros(n_feat)) if use_bias else None
        self.dropout = nn.Dropout(dropout_rate)

    @abstractmethod
    def kernel(self, y: Tensor, position: Tensor) -> Tensor:
        """Weights of P tokens and the token itself, for y (B, U, D) from `position` on: (1 or B, 1 or U, P + 1, D)."""

    def widened(self, mixed: Tensor, y: Tensor) -> Tensor:
        """Input of the last linear layer, from the convolution's output and its input, (B, U, D) each."""
        return mixed

    def before(self, x: Tensor) -> tuple[Tensor]:
        """Initial cache of `advance` for x (B, U, D): P frames of zeros (B, P, D)."""
        return (x.new_zeros(x.shape[0], self.before_middle, self.size),)

    def advance(self, x: Tensor, known: Sequence[Tensor], position: Tensor) -> tuple[Tensor, tuple[Tensor]]:
        """Process the tokens that follow known ones.

        Args:
            x: (B, U, D).
            known: outputs of the gated unit for the P or more tokens before, zeros where there are none: (B, P', D).
            position: (1 or B, 1) int64, how many tokens there are before x.

        Returns:
            (B, U, D), and the cache of the last P' tokens (B, P', D).
        """
        y = self.act(self.linear1(x))
        frames = torch.cat((known[0], y), dim=1)
        tap = torch.arange(self.before_middle + 1, device=x.device) + known[0].shape[1] - self.before_middle
        taps = torch.arange(x.shape[1], device=x.device).unsqueeze(1) + tap
        seen = frames.index_select(1, taps.flatten()).unflatten(1, (-1, self.before_middle + 1))
        mixed = (self.kernel(y, position) * seen).sum(dim=2)
        mixed = mixed if self.bias is None else mixed + self.bias
        return self.linear2(self.widened(mixed, y)), (frames[:, x.shape[1] :],)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Process whole sequences: query (B, U, D) → (B, U, D). The rest of attention's arguments is not used."""
        return self.advance(query, self.before(query), torch.zeros(1, 1, dtype=torch.int64, device=query.device))[0]


def across_features(y: Tensor, kernel: Tensor) -> Tensor:
    """Convolve every frame along its features: y (B, U, D), kernel (1 or B, 1 or U, K) with odd K → (B, U, D)."""
    size, taps = y.shape[-1], kernel.shape[-1]
    index = torch.arange(size, device=y.device).unsqueeze(1) + torch.arange(taps, device=y.device)
    windows = pad(y, (taps // 2, taps // 2)).index_select(-1, index.flatten()).unflatten(-1, (size, taps))
    return (windows @ kernel.unsqueeze(-1)).squeeze(-1)


def require_odd(kernel_size: int) -> None:
    """Raise `ValueError` for an even kernel size."""
    if kernel_size % 2 == 0:
        raise ValueError(f"conv_kernel_length: expected odd numbers for this decoder, found {kernel_size}")
