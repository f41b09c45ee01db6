"""Normalisations of stand-alone transducers have upstream's values."""

import pytest
import torch

from espnet2.asr_transducer.normalization import NORMALIZATIONS, get_normalization

X = torch.tensor([[3.0, -1.0, 2.0, 0.5], [0.0, 0.0, 0.0, 0.0]])
# Upstream's values at the first row of X; the second stays 0.
EXPECTED = [
    ("basic_norm", {}, [1.5364425, -0.5121475, 1.0242950, 0.2560737]),
    ("basic_norm", {"eps": 1.0}, [1.4044938, -0.4681646, 0.9363292, 0.2340823]),
    ("layer_norm", {}, [1.2371792, -1.4021364, 0.5773503, -0.4123931]),
    ("layer_norm", {"eps": 1.0, "partial": 0.5}, [1.0326426, -1.1703284, 0.4818999, -0.3442142]),
    ("rms_norm", {}, [1.5894305, -0.5298101, 1.0596203, 0.2649051]),
    ("rms_norm", {"eps": 0.1, "partial": 0.6}, [1.2842093, -0.4280697, 0.8561395, 0.2140349]),
    ("rms_norm", {"partial": 1.0}, [1.5894305, -0.5298101, 1.0596203, 0.2649051]),
    ("scale_norm", {}, [1.5894388, -0.5298129, 1.0596259, 0.2649065]),
    ("scale_norm", {"eps": 5.0}, [1.2, -0.4, 0.8, 0.2]),
]


@pytest.mark.parametrize(("name", "options", "expected"), EXPECTED)
def test_values(name, options, expected):
    make, keywords = get_normalization(name, **options)
    expected = torch.tensor([expected, [0.0] * 4])
    torch.testing.assert_close(make(4, **keywords)(X), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_frames_of_zeros_have_gradients(name):
    make, keywords = get_normalization(name)
    x = torch.zeros(2, 4, requires_grad=True)
    make(4, **keywords)(x).sum().backward()
    assert x.grad.isfinite().all()


def test_every_normalization_has_values():
    assert {name for name, _, _ in EXPECTED} == set(NORMALIZATIONS)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("batch_norm", {}, "unknown normalization_type 'batch_norm'; known ones: basic_norm,"),
        ("layer_norm", {"bias": False}, "normalization: expected eps or partial, found bias"),
        ("rms_norm", {"eps": 0.0}, "eps: expected a positive number, found 0.0"),
        ("rms_norm", {"partial": 0.1}, "partial: expected at least one of 4 features, found 0.1"),
    ],
)
def test_bad_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        make, keywords = get_normalization(name, **options)
        make(4, **keywords)
