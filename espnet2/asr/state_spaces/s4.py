"""Structured state spaces, S4 (Gu et al. 2022), in real arithmetic.

The system x' = A x + B u, y = C x with A = diag(w) - P P* is kept as half of its conjugate pairs. A vector of n complex
numbers is one of 2n real numbers here, the real parts before the imaginary ones; so a step runs as a plain graph.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive, require_rates

ACTIVATIONS: dict[str | None, Callable[[], nn.Module]] = {
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    None: nn.Identity,
}


def multiply(real: Tensor, imag: Tensor, x: Tensor) -> Tensor:
    """Product of complex numbers real + i imag (..., n) and those in x (..., 2n): (..., 2n)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((real * a - imag * b, real * b + imag * a), dim=-1)


@dataclasses.dataclass(frozen=True)
class StateSpace:
    """Linear systems of D channels, discretised by the bilinear transform (Gu et al. 2022, section 3).

    Args:
        rate: (D, 1), 2 / step size.
        real, imag: (D, n), of w.
        low_rank: (rank, D, 2n), P.
        b, c: (D, 2n), such that y is the inner product of c and the state.
    """

    rate: Tensor
    real: Tensor
    imag: Tensor
    low_rank: Tensor
    b: Tensor
    c: Tensor

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> StateSpace:
        """Create from a checkpoint's weights; channel d has the system d mod n_ssm."""
        log_dt = weights["log_dt"]
        copies = len(log_dt) // len(weights["w_imag"])
        output = weights["C"][0]
        return cls(
            rate=2.0 * torch.exp(-log_dt).unsqueeze(-1),
            real=-torch.exp(weights["inv_w_real"]).repeat(copies, 1),
            imag=weights["w_imag"].repeat(copies, 1),
            low_rank=torch.cat(weights["P"].unbind(-1), dim=-1).repeat(1, copies, 1),
            b=torch.cat(weights["B"][0].unbind(-1), dim=-1).repeat(copies, 1),
            c=2.0 * torch.cat((output[..., 0], -output[..., 1]), dim=-1),
        )

    def solve(self, x: Tensor) -> Tensor:
        """(2 / step size - A)⁻¹ x for x (..., D, 2n), by Sherman and Morrison's formula for each rank of P."""
        updates: list[tuple[Tensor, Tensor, Tensor]] = []
        for row in self.low_rank.unbind():
            column = self._updated(2.0 * row, updates)
            updates.append((row, column, 1.0 + (row * column).sum(dim=-1, keepdim=True)))
        return self._updated(x, updates)

    def _updated(self, x: Tensor, updates: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
        """Apply the inverse without P, corrected for each rank of P: x (..., D, 2n) → (..., D, 2n)."""
        real, imag = self.rate - self.real, self.imag
        square = real * real + imag * imag
        x = multiply(real / square, imag / square, x)
        for row, column, scale in updates:
            x = x - (x * row).sum(dim=-1, keepdim=True) / scale * column
        return x

    def advance(self, state: Tensor, u: Tensor) -> Tensor:
        """Compute the next state: state (R, D, 2n), input u (R, D) → (R, D, 2n)."""
        pulled = (state.unsqueeze(0) * self.low_rank.unsqueeze(1)).sum(dim=-1, keepdim=True)
        drift = multiply(self.real, self.imag, state) - (2.0 * pulled * self.low_rank.unsqueeze(1)).sum(dim=0)
        return self.solve(self.rate * state + drift + 2.0 * self.b * u.unsqueeze(-1))

    def transition(self) -> Tensor:
        """State transition matrix: (D, 2n, 2n)."""
        channels, size = self.b.shape
        basis = torch.eye(size, dtype=self.b.dtype, device=self.b.device).unsqueeze(1).expand(-1, channels, -1)
        return self.advance(basis, basis.new_zeros(size, channels)).permute(1, 2, 0)

    def kernel(self, length: int) -> Tensor:
        """Impulse response: (D, length)."""
        power = self.transition()
        columns = self.solve(2.0 * self.b.unsqueeze(0))[0].unsqueeze(-1)
        while columns.shape[-1] < length:
            columns = torch.cat((columns, power @ columns), dim=-1)
            power = power @ power
        return (self.c.unsqueeze(-1) * columns[..., :length]).sum(dim=1)


def recover_output(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """Convert the C of a trained checkpoint to that of the system, and its L to 0.

    Upstream stores C (1 - A^L) once it has processed L tokens. Both state dicts describe the same system.
    """
    names = ("C", "log_dt", "B", "P", "inv_w_real", "w_imag", "L")
    if any(prefix + name not in state_dict for name in names) or not int(state_dict[prefix + "L"]):
        return
    weights: dict[str, Tensor] = {name: state_dict[prefix + name] for name in names}
    length = int(weights.pop("L"))
    space = StateSpace.of({name: weight.double() for name, weight in weights.items()})
    power = torch.linalg.matrix_power(space.transition(), length)
    unchanged = torch.eye(power.shape[-1], dtype=power.dtype) - power
    real, imag = torch.linalg.solve(unchanged.transpose(-1, -2), space.c.unsqueeze(-1)).squeeze(-1).chunk(2, dim=-1)
    output = weights["C"]
    state_dict[prefix + "C"] = (torch.stack((real, -imag), dim=-1) / 2.0).unsqueeze(0).to(output.dtype)
    state_dict[prefix + "L"] = torch.zeros_like(state_dict[prefix + "L"])


class SSKernelNPLR(nn.Module):
    """Parameters of the systems, initialised as HiPPO-LegS (Gu et al. 2022, theorem 1 and appendix C.4).

    Args:
        size: D.
        d_state: N = 2n, even.
        n_ssm: number of different systems, which channels share.
        rank: rank of P.
        dt_min, dt_max: range of initial step sizes.
    """

    def __init__(self, size: int, d_state: int, n_ssm: int, rank: int, dt_min: float, dt_max: float):
        super().__init__()
        order = torch.arange(d_state, dtype=torch.float64)
        scale = torch.sqrt(2.0 * order + 1.0)
        low_rank = torch.sqrt(order + 0.5)
        matrix = -torch.tril(torch.outer(scale, scale), -1) - torch.diag(order + 1.0)
        skew = matrix + torch.outer(low_rank, low_rank) + 0.5 * torch.eye(d_state, dtype=torch.float64)
        imag, vectors = torch.linalg.eigh(-1j * skew)
        half = slice(d_state // 2, None)
        rotation = vectors.mH[half]

        def halves(x: Tensor) -> Tensor:
            return torch.view_as_real(rotation @ x.to(rotation.dtype)).float().repeat(1, n_ssm, 1, 1)

        spread = torch.rand(size) * (torch.tensor(dt_max).log() - torch.tensor(dt_min).log())
        self.C = nn.Parameter(torch.randn(1, size, d_state // 2, 2) * 0.5**0.5)
        self.log_dt = nn.Parameter(spread + torch.tensor(dt_min).log())
        self.B = nn.Parameter(halves(scale))
        first = halves(low_rank)
        self.P = nn.Parameter(torch.cat((first, torch.zeros_like(first).repeat(rank - 1, 1, 1, 1))))
        self.inv_w_real = nn.Parameter(torch.full((n_ssm, d_state // 2), 0.5).log())
        self.w_imag = nn.Parameter(imag[half].float().repeat(n_ssm, 1))
        self.register_buffer("L", torch.tensor(0))
        self.register_load_state_dict_pre_hook(recover_output)

    def space(self) -> StateSpace:
        """The systems."""
        return StateSpace.of(dict(self.named_parameters()))


class SSKernel(nn.Module):
    """Holder of the parameters named `kernel.kernel` in checkpoints."""

    def __init__(self, kernel: SSKernelNPLR):
        super().__init__()
        self.kernel = kernel


class S4(nn.Module):
    """S4 layer: a state space per channel, activation, and a gated linear layer.

    Args:
        d_model: D.
        d_state: N, size of a state.
        l_max: a length that upstream's checkpoints may have; it does not limit texts.
        channels, bidirectional, hyper_act, bottleneck, gate, mode, real_type: upstream's variants, of which only the
            default is supported.
        activation: between state space and linear layer.
        postact: "glu".
        dropout: of the activation's result.
        measure, measure_args, lr, deterministic: upstream's initialisation. Here it is always LegS.
        rank: rank of P.
        dt_min, dt_max: range of initial step sizes.
        n_ssm: number of different systems, a divisor of D; D by default.
        tie_dropout, transposed, verbose, keops: without effect.

    Raises:
        ValueError: an option has a value that is not allowed.
    """

    def __init__(
        self,
        d_model: int,
        d_state: int = 64,
        l_max: int | None = None,
        channels: int = 1,
        bidirectional: bool = False,
        activation: str | None = "gelu",
        postact: str | None = "glu",
        hyper_act: str | None = None,
        dropout: float = 0.0,
        tie_dropout: bool = False,
        bottleneck: int | None = None,
        gate: int | None = None,
        transposed: bool = True,
        verbose: bool = False,
        measure: str = "legs",
        rank: int = 1,
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        deterministic: bool = False,
        lr: Any = None,
        mode: str = "nplr",
        n_ssm: int | None = None,
        measure_args: Mapping[str, Any] | None = None,
        keops: bool = False,
        real_type: str = "exp",
    ):
        super().__init__()
        require_rates(dropout=dropout)
        n_ssm = n_ssm or d_model
        require_positive(d_state=d_state, rank=rank, n_ssm=n_ssm)
        _require_default(
            channels=(channels, 1),
            bidirectional=(bidirectional, False),
            postact=(postact, "glu"),
            hyper_act=(hyper_act, None),
            bottleneck=(bottleneck, None),
            gate=(gate, None),
            mode=(mode, "nplr"),
            real_type=(real_type, "exp"),
            d_state=(d_state % 2, 0),
            n_ssm=(d_model % n_ssm, 0),
        )
        self.state_size = d_state
        self.D = nn.Parameter(torch.randn(1, d_model))
        self.kernel = SSKernel(SSKernelNPLR(d_model, d_state, n_ssm, rank, dt_min, dt_max))
        self.activation = choose("activation", activation, ACTIVATIONS)()
        self.dropout = nn.Dropout(dropout)
        self.output_linear = nn.Sequential(nn.Linear(d_model, 2 * d_model), nn.GLU(dim=-1))

    def forward(self, u: Tensor) -> Tensor:
        """Convolve whole texts with the systems' kernels, by Fourier transform: (B, U, D) → (B, U, D)."""
        length = u.shape[1]
        kernel = self.kernel.kernel.space().kernel(length)
        spectrum = torch.fft.rfft(u.transpose(1, 2), n=2 * length) * torch.fft.rfft(kernel, n=2 * length)
        return self._mixed(torch.fft.irfft(spectrum, n=2 * length)[..., :length].transpose(1, 2), u)

    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One token: u (R, D), state (R, D, N), zeros at the beginning → (R, D), and the next state."""
        space = self.kernel.kernel.space()
        state = space.advance(state, u)
        return self._mixed((space.c * state).sum(dim=-1), u), state

    def _mixed(self, y: Tensor, u: Tensor) -> Tensor:
        return self.output_linear(self.dropout(self.activation(y + self.D[0] * u)))


def _require_default(**options: tuple[Any, Any]) -> None:
    for name, (found, expected) in options.items():
        if found != expected:
            raise ValueError(f"{name} of a layer s4: expected {REQUIRED.get(name, repr(expected))}, found {found!r}")


REQUIRED = {"d_state": "an even number", "n_ssm": "a divisor of the number of channels"}
