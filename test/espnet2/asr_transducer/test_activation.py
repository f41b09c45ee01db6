"""Activations of stand-alone transducers have upstream's values."""

import pytest
import torch

from espnet2.asr_transducer.activation import ACTIVATIONS, get_activation

X = torch.tensor([-3.0, -1.0, 1.0, 2.0])
# Upstream's values at X.
EXPECTED = [
    ("ftswish", {}, [-0.2, -0.2, 0.53105858, 1.5615941]),
    ("ftswish", {"ftswish_threshold": -0.1, "ftswish_mean_shift": -0.5}, [0.4, 0.4, 1.1310586, 2.1615939]),
    ("hardtanh", {"hardtanh_min_val": -2.0}, [-2.0, -1.0, 1.0, 1.0]),
    ("identity", {}, [-3.0, -1.0, 1.0, 2.0]),
    ("leaky_relu", {"leakyrelu_neg_slope": 0.5}, [-1.5, -0.5, 1.0, 2.0]),
    ("mish", {"softplus_beta": 2.0, "softplus_threshold": 3}, [-0.1456475, -0.3034014, 0.8650984, 1.9439590]),
    ("relu", {"swish_beta": 2.0}, [0.0, 0.0, 1.0, 2.0]),
    ("selu", {}, [-1.6705687, -1.1113307, 1.0507010, 2.1014020]),
    ("smish", {}, [-0.1389074, -0.2337788, 0.4995701, 1.1184374]),
    ("smish", {"smish_alpha": 0.5, "smish_beta": 2.0}, [-0.0037044, -0.0560716, 0.2796094, 0.5941870]),
    ("smish", {"smish_alpha": -1.0, "smish_beta": 0.0}, [-0.1389074, -0.2337788, 0.4995701, 1.1184374]),
    ("swish", {}, [-0.1422776, -0.2689414, 0.7310586, 1.7615941]),
    ("swish", {"swish_beta": 0.5}, [-0.1422776, -0.2689414, 0.7310586, 1.7615941]),
    ("swish", {"swish_beta": 2.0}, [-0.2845553, -0.5378829, 1.4621172, 3.5231881]),
    ("tanh", {}, [-0.9950548, -0.7615942, 0.7615942, 0.9640276]),
]


@pytest.mark.parametrize(("name", "parameters", "expected"), EXPECTED)
def test_values(name, parameters, expected):
    torch.testing.assert_close(get_activation(name, **parameters)(X), torch.tensor(expected), atol=1e-6, rtol=0)


def test_every_activation_has_values():
    assert {name for name, _, _ in EXPECTED} == set(ACTIVATIONS)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("softplus", {}, "unknown activation_type 'softplus'; known ones: ftswish,"),
        ("relu", {"slope": 1.0}, "unknown parameter of activations 'slope'"),
        ("relu", {"swish_beta": "2"}, "swish_beta: expected a number, found '2'"),
        ("ftswish", {"ftswish_threshold": 0.0}, "ftswish_threshold: expected a negative number, found 0.0"),
    ],
)
def test_bad_options_are_refused(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        get_activation(name, **parameters)
