"""Complex tensors as pairs of real ones, which graphs can hold, and linear systems of Hermitian matrices of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# Enough for a condition of 1e10, beyond which the directions of the smallest eigenvalues are left out.
NEWTON_STEPS = 40


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
    """Inverse of Hermitian matrices (..., N, N) with positive eigenvalues, in float64, for any N that a graph is fed.

    Newton's method (Schulz 1933) on the matrix with a diagonal of ones. The iterations have no gradient; one more step
    from their result has that of the inverse.
    """
    size = matrix.real.shape[-1]
    scale = diagonal(matrix).clamp(min=torch.finfo(torch.float64).tiny).rsqrt()
    scales = scale.unsqueeze(-1) * scale.unsqueeze(-2)
    real, imag = matrix.real * scales, matrix.imag * scales
    # The same as a real matrix of twice the size.
    whole = torch.cat([torch.cat([real, -imag], dim=-1), torch.cat([imag, real], dim=-1)], dim=-2)
    shape = whole.shape[:-2]
    whole = whole.flatten(0, -3)  # what `bmm` reads, which is traced faster than `matmul`
    fixed = whole.detach()
    one, two = identity(2 * size, whole), 2 * identity(2 * size, whole)
    found = one / (fixed * one).sum((-1, -2), keepdim=True)
    for _ in range(NEWTON_STEPS):
        found = found.bmm(two - fixed.bmm(found))
    found = found.bmm(two - whole.bmm(found)).unflatten(0, shape)
    return Pair(found[..., :size, :size], found[..., size:, :size]).times(scales)


def solve_blocks(matrix: Pair, right: Pair) -> Pair:
    """Solve M X = Y by block elimination, M Hermitian with positive eigenvalues.

    Args:
        matrix: M (..., K, N, K, N), K blocks of N rows and as many of columns.
        right: Y (..., K, N, J).

    Returns:
        X (..., K, N, J).
    """
    blocks, size = matrix.real.shape[-4], matrix.real.shape[-1]
    tables = [torch.cat([m.flatten(-2), r], dim=-1) for m, r in zip(matrix, right, strict=True)]
    for block in range(blocks):
        table = Pair(*tables)
        column = Pair(*(part[..., : blocks * size].unflatten(-1, (blocks, size))[..., block, :] for part in table))
        pivot = inverse(Pair(*(part[..., block, :, :] for part in column)))
        row = pivot @ Pair(*(part[..., block, :, :] for part in table))
        row = Pair(*(part.unsqueeze(-3) for part in row))
        rest = table.minus(column @ row)
        here = (torch.arange(blocks, device=row.real.device) == block)[:, None, None]
        tables = [torch.where(here, new, other) for new, other in zip(row, rest, strict=True)]
    return Pair(*(part[..., blocks * size :] for part in tables))
