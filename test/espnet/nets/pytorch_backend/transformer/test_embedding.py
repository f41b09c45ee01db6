"""Sinusoidal encodings against their formula in double precision."""

import numpy as np
import pytest
import torch

from espnet.nets.pytorch_backend.transformer.embedding import (
    LegacyRelPositionalEncoding,
    NoPositionalEncoding,
    PositionalEncoding,
    RelPositionalEncoding,
    ScaledPositionalEncoding,
    StreamPositionalEncoding,
)

SIZE = 16


def _table(positions: np.ndarray) -> np.ndarray:
    angles = positions[:, None] / 10000.0 ** (np.arange(0, SIZE, 2) / SIZE)
    return np.stack((np.sin(angles), np.cos(angles)), axis=-1).reshape(len(positions), SIZE)


def _tolerance(positions: np.ndarray) -> float:
    return 1e-6 + 2e-7 * float(np.abs(positions).max())  # angles are float32


@pytest.mark.parametrize("frames", [1, 2, 37, 6000])
@pytest.mark.parametrize("encoding", [PositionalEncoding, StreamPositionalEncoding])
def test_absolute_positions_are_added(encoding, frames):
    positions = np.arange(frames) + 3
    found = encoding(SIZE, 0.0)(torch.ones(2, frames, SIZE), 3)
    expected = np.sqrt(SIZE) + np.stack([_table(positions)] * 2)
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=_tolerance(positions))


@pytest.mark.parametrize("frames", [1, 2, 37, 6000])
def test_relative_positions_go_from_future_to_past(frames):
    x, found = RelPositionalEncoding(SIZE, 0.0)(torch.ones(2, frames, SIZE))
    positions = np.arange(frames - 1, -frames, -1)
    assert torch.equal(x, torch.full_like(x, np.sqrt(SIZE)))
    np.testing.assert_allclose(found[0].numpy(), _table(positions), rtol=0, atol=_tolerance(positions))


@pytest.mark.parametrize(("frames", "first"), [(1, 99), (37, 99), (100, 99), (101, 100), (6000, 5999)])
def test_legacy_positions_count_down_from_the_end_of_the_table(frames, first):
    _, found = LegacyRelPositionalEncoding(SIZE, 0.0, max_len=100)(torch.ones(1, frames, SIZE))
    reverse = PositionalEncoding(SIZE, 0.0, max_len=100, reverse=True)(torch.zeros(1, frames, SIZE))
    positions = first - np.arange(frames)
    np.testing.assert_allclose(found[0].numpy(), _table(positions), rtol=0, atol=_tolerance(positions))
    assert torch.equal(found, reverse)


def test_scaled_positions_are_weighted():
    encoding = ScaledPositionalEncoding(SIZE, 0.0)
    encoding.alpha.data.fill_(0.5)
    x = torch.randn(1, 5, SIZE)
    expected = x[0].numpy() + 0.5 * _table(np.arange(5))
    np.testing.assert_allclose(encoding(x)[0].detach().numpy(), expected, atol=1e-6)


def test_no_positions_change_nothing():
    x = torch.randn(1, 5, SIZE)
    assert NoPositionalEncoding(SIZE, 0.1)(x, 3) is x


def test_positions_go_on_from_an_offset():
    encoding, x = PositionalEncoding(SIZE, 0.0), torch.randn(1, 9, SIZE)
    assert torch.equal(torch.cat([encoding(x[:, :4]), encoding(x[:, 4:], 4)], dim=1), encoding(x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_encodings_take_the_type_of_what_they_are_added_to(dtype):
    assert PositionalEncoding(SIZE, 0.0)(torch.zeros(1, 2, SIZE, dtype=dtype)).dtype == dtype


def test_tables_in_old_checkpoints_are_no_weights():
    state = {"0.pe": torch.zeros(1, 5000, SIZE)}
    module = torch.nn.Sequential(RelPositionalEncoding(SIZE, 0.0))
    assert module.state_dict() == {}
    module.load_state_dict(state, strict=True)


def test_odd_sizes_are_refused():
    with pytest.raises(ValueError, match=r"even number of channels.*5"):
        PositionalEncoding(5, 0.0)
