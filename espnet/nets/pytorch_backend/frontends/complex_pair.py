"""Complex tensors as pairs of real ones, which graphs can hold, and linear systems of Hermitian matrices of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# Enough for a condition of 1e10, beyond which the directions of the smallest eigenvalues are left out.
NEWTON_STEPS = 40
SMALLEST_DIAGONAL = 1e-30


class Pair(NamedTuple):
    """Real and imaginary part, tensors of one shape."""

    real: Tensor
    imag: Tensor

    def __matmul__(self, other: Pair) -> Pair:
        """Product of matrices (..., I, J) and (..., J, K)."""
        real = self.real @ other.real - self.imag @ other.imag
        return Pair(real, self.real @ other.imag + self.imag @ other.real)

    def minus(self, other: Pair) -> Pair:
        """Difference."""
        return Pair(self.real - other.real, self.imag - other.imag)

    def times(self, factor: Tensor) -> Pair:
        """Product with a real tensor."""
        return Pair(self.real * factor, self.imag * factor)

    def adjoint(self) -> Pair:
        """Conjugate transpose of matrices (..., I, J)."""
        return Pair(self.real.transpose(-1, -2), -self.imag.transpose(-1, -2))

    def square(self) -> Tensor:
        """Squared magnitude."""
        return self.real * self.real + self.imag * self.imag

    def double(self) -> Pair:
        """The same in float64."""
        return Pair(self.real.double(), self.imag.double())


def plus(x: Tensor, small: float) -> Tensor:
    """x + `small`, which a graph's optimiser would take for zero."""
    return (x / small + 1.0) * small


def identity(size: int, like: Tensor) -> Tensor:
    """(size, size), of the type of `like`."""
    index = torch.arange(size, device=like.device)
    return (index[:, None] == index).to(like.dtype)


def diagonal(matrix: Pair) -> Tensor:
    """Real diagonal (..., N) of Hermitian matrices (..., N, N)."""
    return (matrix.real * identity(matrix.real.shape[-1], matrix.real)).sum(-1)


def loaded(matrix: Pair, load: Tensor | float) -> Pair:
    """Hermitian matrices (..., N, N) with `load` (..., 1, 1) added to the diagonal."""
    return Pair(matrix.real + load * identity(matrix.real.shape[-1], matrix.real), matrix.imag)


def inverse(matrix: Pair) -> Pair:
    """Inverse of Hermitian matrices (..., N, N) with positive eigenvalues, in float64; zero where rounding has made an
    eigenvalue negative. A graph takes any N.

    Newton's method (Schulz 1933) on the matrix with a diagonal of ones. The iterations have no gradient; one more step
    from their result has that of the inverse.
    """
    size = matrix.real.shape[-1]
    scale = diagonal(matrix).clamp(min=SMALLEST_DIAGONAL).rsqrt()
    scales = scale.unsqueeze(-1) * scale.unsqueeze(-2)
    real, imag = matrix.real * scales, matrix.imag * scales
    # The same as a real matrix of twice the size.
    whole = torch.cat([torch.cat([real, -imag], dim=-1), torch.cat([imag, real], dim=-1)], dim=-2)
    shape = whole.shape[:-2]
    whole = whole.flatten(0, -3)  # three axes for `bmm`, which is traced faster than `matmul`
    fixed = whole.detach()
    one, two = identity(2 * size, whole), 2 * identity(2 * size, whole)
    found = one / (fixed * one).sum((-1, -2), keepdim=True)
    for _ in range(NEWTON_STEPS):
        found = found.bmm(two - fixed.bmm(found))
    converged = (fixed * found).sum((-1, -2), keepdim=True) > 0  # false for NaN, too
    found = torch.where(converged, found, 0.0)
    found = found.bmm(two - whole.bmm(found)).unflatten(0, shape)
    return Pair(found[..., :size, :size], found[..., size:, :size]).times(scales)


def solve_blocks(matrix: Pair, right: Pair, load: Tensor) -> Pair:
    """Solve M X = Y by block elimination, M Hermitian.

    Args:
        matrix: M (..., K, N, K, N), K blocks of N rows and as many of columns; no eigenvalue is below `load`.
        right: Y (..., K, N, J).
        load: (..., 1, 1), added to the diagonal of inverted blocks, whose eigenvalues rounding might make smaller than
            that.

    Returns:
        X (..., K, N, J), zero for blocks that rounding leaves without an inverse.
    """
    first = Pair(*(part[..., 0, :, :] for part in right))
    found = inverse(loaded(Pair(*(part[..., 0, :, 0, :] for part in matrix)), load))
    size, others = matrix.real.shape[-1], matrix.real.shape[-4] - 1
    if not others:
        return Pair(*(part.unsqueeze(-3) for part in found @ first))
    row = Pair(*(part[..., 0, :, 1:, :].flatten(-2) for part in matrix))
    rest = Pair(*(part[..., 1:, :, 1:, :].flatten(-2).flatten(-3, -2) for part in matrix))
    # The column is that row's adjoint, so that the remaining matrix stays Hermitian.
    rest = rest.minus(row.adjoint() @ (found @ row))
    rest_right = Pair(*(part[..., 1:, :, :].flatten(-3, -2) for part in right))
    rest_right = rest_right.minus(row.adjoint() @ (found @ first))
    shape = (others, size)
    blocks = Pair(*(part.unflatten(-1, shape).unflatten(-3, shape) for part in rest))
    last = solve_blocks(blocks, Pair(*(part.unflatten(-2, shape) for part in rest_right)), load)
    head = found @ first.minus(row @ Pair(*(part.flatten(-3, -2) for part in last)))
    return Pair(*(torch.cat([new.unsqueeze(-3), old], dim=-3) for new, old in zip(head, last, strict=True)))
