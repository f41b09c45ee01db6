"""Arithmetic of pairs against PyTorch's complex numbers."""

import pytest
import torch

from espnet.nets.pytorch_backend.frontends.complex_pair import Pair, inverse, solve_blocks


def _hermitian(size, condition):
    torch.manual_seed(size)
    basis, _ = torch.linalg.qr(torch.randn(2, size, size, dtype=torch.complex128))
    values = torch.logspace(0, -condition, size, dtype=torch.float64)
    return basis * values @ basis.mH


def _pair(x):
    return Pair(x.real.clone(), x.imag.clone())


def _complex(pair):
    return torch.complex(*pair)


def test_products():
    a, b = (torch.randn(3, 4, 4, dtype=torch.complex128) for _ in range(2))
    torch.testing.assert_close(_complex(_pair(a) @ _pair(b)), a @ b)
    torch.testing.assert_close(_complex(_pair(a).adjoint()), a.mH)
    torch.testing.assert_close(_pair(a).square(), a.abs() ** 2)


@pytest.mark.parametrize(("size", "condition"), [(1, 0), (2, 8), (5, 3), (8, 8)])
def test_inverse_and_its_gradient(size, condition):
    matrix = _hermitian(size, condition)
    pair = Pair(*(part.requires_grad_() for part in _pair(matrix)))
    found, expected = _complex(inverse(pair)), torch.linalg.inv(matrix)
    assert (found - expected).abs().max() < 1e-6 * expected.abs().max()
    truth = matrix.clone().requires_grad_()
    weight = torch.randn(2, size, size, dtype=torch.float64)
    (found.real * weight).sum().backward()
    (torch.linalg.inv(truth).real * weight).sum().backward()
    assert (pair.real.grad - truth.grad.real).abs().max() < 1e-4 * truth.grad.abs().max()


@pytest.mark.parametrize(("blocks", "size", "condition"), [(1, 3, 2), (4, 2, 6), (5, 6, 4)])
def test_linear_systems(blocks, size, condition):
    matrix = _hermitian(blocks * size, condition)
    right = torch.randn(2, blocks * size, 3, dtype=torch.complex128)
    shape = (blocks, size)
    laid_out = Pair(*(part.unflatten(2, shape).unflatten(1, shape) for part in _pair(matrix)))
    found = solve_blocks(laid_out, Pair(*(part.unflatten(1, shape) for part in _pair(right))), torch.zeros(1, 1))
    expected = torch.linalg.solve(matrix, right)
    assert (_complex(found).flatten(1, 2) - expected).abs().max() < 1e-6 * expected.abs().max()
