"""Sinusoidal positional encodings, computed for the length at hand, so that no length is too long.

Absolute encodings: Vaswani et al. 2017, section 3.5. Relative ones: Dai et al. 2019 (Transformer-XL), appendix B.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet.nets.pytorch_backend.state_names import State, upgrade_on_load
from espnet.nets.pytorch_backend.transformer.positional_convolution import PositionalConv

Offset = int | Tensor  # the first frame's position: one for all utterances, or (B, 1), one for each


class Positions(nn.Module):
    """Protocol of a positional encoding as input layers use it, called as `encoding(x)`."""

    def with_positions(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the layers' input: x (B, T, D), lengths (B,) → (B, T, D), and the encodings if they are relative."""
        return self(x), None


class Sinusoid(Positions):
    """Base of sinusoidal encodings: PE(p, 2i) = sin(p / 10000^(2i/D)), PE(p, 2i+1) = cos(p / 10000^(2i/D)).

    Args:
        d_model: D, even.
        dropout_rate: dropout of the result.
        max_len: size of upstream's table; it changes the results of the legacy encoding only.
    """

    frequencies: Tensor

    def __init__(self, d_model: int, dropout_rate: float, max_len: int = 5000):
        super().__init__()
        if d_model < 1 or d_model % 2:
            raise ValueError(f"expected an even number of channels, which sinusoidal positions need, found {d_model}")
        exponents = torch.arange(0, d_model, 2, dtype=torch.float32)
        self.register_buffer("frequencies", torch.exp(exponents * -(math.log(10000.0) / d_model)), persistent=False)
        upgrade_on_load(self)
        self.max_len = max_len
        self.xscale = math.sqrt(d_model)
        self.dropout = nn.Dropout(dropout_rate)

    def upgrade_state(self, state: State, prefix: str) -> None:
        """Drop the table of sines in checkpoints of 2019, which is not a weight."""
        state.pop(prefix + "pe", None)

    def upwards(self, x: Tensor, offset: Offset = 0) -> Tensor:
        """The positions (1 or B, T) of the frames of x (B, T, D), the first of which is `offset`."""
        return torch.arange(x.shape[1], device=x.device).unsqueeze(0) + offset

    def downwards(self, x: Tensor, offset: Offset = 0) -> Tensor:
        """Positions (1 or B, T) counted down from the end of a table of `max_len`, or of T where that is longer."""
        return torch.sym_max(self.max_len, x.shape[1]) - 1 - self.upwards(x, offset)

    def encode(self, positions: Tensor, dtype: torch.dtype) -> Tensor:
        """Encodings of integer positions (1 or B, T) → (1 or B, T, D)."""
        angles = positions.to(torch.float32).unsqueeze(-1) * self.frequencies
        return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2).to(dtype)


class PositionalEncoding(Sinusoid):
    """√D · x + PE.

    Args:
        reverse: count positions down from `max_len` - 1.
    """

    def __init__(self, d_model: int, dropout_rate: float, max_len: int = 5000, reverse: bool = False):
        super().__init__(d_model, dropout_rate, max_len)
        self.reverse = reverse

    def forward(self, x: Tensor, offset: Offset = 0) -> Tensor:
        """x (B, T, D), whose first frame has position `offset` → (B, T, D)."""
        positions = self.downwards(x, offset) if self.reverse else self.upwards(x, offset)
        return self.dropout(x * self.xscale + self.encode(positions, x.dtype))


class ScaledPositionalEncoding(Sinusoid):
    """x + α · PE with a trained α (Li et al. 2019, section 3.2)."""

    def __init__(self, d_model: int, dropout_rate: float, max_len: int = 5000):
        super().__init__(d_model, dropout_rate, max_len)
        self.alpha = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor, offset: Offset = 0) -> Tensor:
        """x (B, T, D), whose first frame has position `offset` → (B, T, D)."""
        return self.dropout(x + self.alpha * self.encode(self.upwards(x, offset), x.dtype))


class StreamPositionalEncoding(Sinusoid):
    """√D · x + PE for the chunks of a stream, which start anywhere."""

    def forward(self, x: Tensor, start_idx: Offset = 0) -> Tensor:
        """x (B, T, D), whose first frame has position `start_idx` → (B, T, D)."""
        return self.dropout(x * self.xscale + self.encode(self.upwards(x, start_idx), x.dtype))


class LegacyRelPositionalEncoding(Sinusoid):
    """√D · x, and the encodings of `max_len` - 1 downwards, as models before 2021 were trained with."""

    def with_positions(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | None]:
        """The same as `forward`."""
        return self(x)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, T, D) → (B, T, D), encodings (1, T, D)."""
        return self.dropout(x * self.xscale), self.dropout(self.encode(self.downwards(x), x.dtype))


class RelPositionalEncoding(Sinusoid):
    """√D · x, and the encodings of the relative positions T-1 down to -(T-1)."""

    def with_positions(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | None]:
        """The same as `forward`."""
        return self(x)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, T, D) → (B, T, D), encodings (1, 2T-1, D)."""
        frames = x.shape[1]
        positions = frames - 1 - torch.arange(2 * frames - 1, device=x.device)
        return self.dropout(x * self.xscale), self.dropout(self.encode(positions.unsqueeze(0), x.dtype))


class LearnableFourierPosEnc(Positions):
    """Positions as learned Fourier features (Li et al. 2021), without or with a small network behind them.

    Args:
        d_model: D, an even number.
        dropout_rate: dropout of the sum.
        max_len: not used: there is no limit.
        gamma: inverse of the standard deviation of frequencies at first.
        apply_scaling: scale the input by the root of D.
        hidden_dim: hidden size of the network; None: none.
    """

    def __init__(
        self,
        d_model: int,
        dropout_rate: float = 0.0,
        max_len: int = 5000,
        gamma: float = 1.0,
        apply_scaling: bool = False,
        hidden_dim: int | None = None,
    ):
        super().__init__()
        self.d_model = d_model
        self.xscale = math.sqrt(d_model) if apply_scaling else 1.0
        self.dropout = nn.Dropout(dropout_rate)
        self.w_r = nn.Parameter(torch.randn(1, d_model // 2) / gamma)
        self.mlp: nn.Module = nn.Identity()
        if hidden_dim is not None:
            self.mlp = nn.Sequential(nn.Linear(d_model, hidden_dim), nn.GELU(), nn.Linear(hidden_dim, d_model))

    def forward(self, x: Tensor, offset: Offset = 0) -> Tensor:
        """x (B, T, D) → (B, T, D)."""
        angles = (torch.arange(x.shape[1], device=x.device, dtype=x.dtype) + offset).unsqueeze(1) @ self.w_r
        features = torch.cat([angles.cos(), angles.sin()], dim=-1) / math.sqrt(self.d_model)
        return self.dropout(x * self.xscale + self.mlp(features))


class NoPositionalEncoding(Positions):
    """No positional encoding: x unchanged.

    Args:
        d_model, dropout_rate: as for the others, without effect.
    """

    def __init__(self, d_model: int, dropout_rate: float):
        super().__init__()

    def forward(self, x: Tensor, offset: Offset = 0) -> Tensor:
        """x (B, T, D) → x."""
        return x


class ConvolutionalPositionalEmbedding(Positions):
    """Output of a wide convolution over x (Baevski et al. 2020), in place of x (the paper adds it to x).

    Args:
        d_model: D, a multiple of 16.
        dropout_rate, max_len: as for the others, without effect.
    """

    def __init__(self, d_model: int, dropout_rate: float, max_len: int = 5000):
        super().__init__()
        names = (f"parametrizations.weight.original{index}" for index in (0, 1))
        self.convs = nn.ModuleList([PositionalConv(d_model, 128, 16, *names)])

    def with_positions(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | None]:
        """x (B, T, D), lengths (B,) → (B, T, D), None."""
        return self(x.masked_fill(make_pad_mask(lengths, x.shape[1]).unsqueeze(-1), 0.0)), None

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, D), zeros at padded frames → (B, T, D)."""
        for conv in self.convs:
            x = conv(x)
        return x


POSITIONAL_ENCODINGS = {
    "abs_pos": PositionalEncoding,
    "scaled_abs_pos": ScaledPositionalEncoding,
    "rel_pos": RelPositionalEncoding,
    "legacy_rel_pos": LegacyRelPositionalEncoding,
}
