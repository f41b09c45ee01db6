"""Normalisation with global and with utterance statistics."""

import io
import pickle

import numpy as np
import pytest
import torch

from espnet2.layers.global_mvn import GlobalMVN
from espnet2.layers.utterance_mvn import UtteranceMVN, utterance_mvn

FRAMES = np.random.RandomState(0).normal(2.0, 3.0, (50, 4))
SUM, SQUARE = FRAMES.sum(0), (FRAMES**2).sum(0)


@pytest.fixture(params=["npz", "npy"])
def stats_file(request, tmp_path):
    path = tmp_path / f"stats.{request.param}"
    if request.param == "npz":
        np.savez(path, count=50, sum=SUM, sum_square=SQUARE)
    else:
        np.save(path, np.stack([np.append(SUM, 50.0), np.append(SQUARE, 0.0)]))
    return path


@pytest.mark.parametrize("norm_means", [True, False])
@pytest.mark.parametrize("norm_vars", [True, False])
def test_global_statistics(stats_file, norm_means, norm_vars):
    layer = GlobalMVN(stats_file, norm_means, norm_vars)
    x, lengths = torch.randn(2, 5, 4), torch.tensor([5, 3])
    output, _ = layer(x, lengths)
    expected = x[0].numpy() - FRAMES.mean(0) * norm_means
    expected = expected / FRAMES.std(0) if norm_vars else expected
    np.testing.assert_allclose(output[0].numpy(), expected, atol=1e-5)
    assert not output[1, 3:].any()
    restored, _ = layer.inverse(output, lengths)
    torch.testing.assert_close(restored[1, :3], x[1, :3])
    assert list(layer.state_dict()) == ["mean", "std"] and layer.mean.dtype == torch.float32


def test_variance_has_a_floor(tmp_path):
    np.savez(tmp_path / "stats.npz", count=2, sum=np.ones(3), sum_square=np.zeros(3))
    assert GlobalMVN(str(tmp_path / "stats.npz"), eps=4.0).std.tolist() == [2.0, 2.0, 2.0]


def _pickled() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"count": 1}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps({"count": 1}), _pickled()])
def test_a_file_without_statistics_is_refused_by_name(tmp_path, content):
    (tmp_path / "stats.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"stats\.npz: expected feature statistics"):
        GlobalMVN(tmp_path / "stats.npz")


@pytest.mark.parametrize("norm_means", [True, False])
@pytest.mark.parametrize("norm_vars", [True, False])
def test_an_utterance_of_a_batch_is_normalised_as_alone(norm_means, norm_vars):
    layer = UtteranceMVN(norm_means, norm_vars)
    x, lengths = torch.randn(2, 7, 4), torch.tensor([7, 4])
    output, olens = layer(x, lengths)
    alone, _ = utterance_mvn(x[1:, :4], None, norm_means, norm_vars)
    torch.testing.assert_close(output[1, :4], alone[0])
    assert not output[1, 4:].any() and olens.tolist() == [7, 4]
    values = x[1, :4].numpy()
    expected = (values - values.mean(0) * norm_means) / (values.std(0) if norm_vars else 1.0)
    np.testing.assert_allclose(alone[0].numpy(), expected, atol=1e-5)


def test_deviation_has_a_floor():
    output, _ = utterance_mvn(torch.tensor([[[1.0], [3.0]]]), norm_vars=True, eps=10.0)
    assert output.flatten().tolist() == pytest.approx([-0.1, 0.1])


@pytest.mark.parametrize(
    "change",
    [{"count": 0}, {"count": "a"}, {"count": [1, 2]}, {"sum": SUM[:1]}, {"sum": SUM * np.nan}],
    ids=["no frames", "text", "vector", "lengths", "nan"],
)
def test_statistics_that_make_no_sense_are_refused_by_name(tmp_path, change):
    np.savez(tmp_path / "stats.npz", **{"count": 50, "sum": SUM, "sum_square": SQUARE, **change})
    with pytest.raises(ValueError, match=r"stats\.npz: expected"):
        GlobalMVN(tmp_path / "stats.npz")


def test_truncated_statistics_are_refused_by_name(tmp_path):
    path = tmp_path / "stats.npz"
    np.savez(path, count=50, sum=SUM, sum_square=SQUARE)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"stats\.npz: expected feature statistics"):
        GlobalMVN(path)


@pytest.mark.parametrize("norm_means", [True, False])
def test_constant_features_have_finite_gradients(norm_means):
    x = torch.tensor([[[1.0, 2.0], [1.0, 4.0], [1.0, 6.0]]], requires_grad=True)
    output, _ = UtteranceMVN(norm_means, norm_vars=True, eps=1e-4)(x)
    output.square().sum().backward()
    assert output.isfinite().all() and x.grad.isfinite().all()
