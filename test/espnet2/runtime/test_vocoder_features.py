"""Features of a synthesiser and of a vocoder: which differences are told."""

import pytest

from espnet2.runtime.vocoder_features import mismatch

OWN = {"fs": 8000, "n_mels": 8, "n_fft": 48, "n_shift": 12, "fmin": 0, "fmax": None, "htk": False}
OTHER = {"sampling_rate": 8000, "num_mels": 8, "fft_size": 48, "hop_size": 12, "fmin": None, "fmax": 4000}


def test_features_that_agree():
    assert mismatch(OWN, OTHER) is None
    assert mismatch({}, OTHER) is None and mismatch(OWN, {}) is None


@pytest.mark.parametrize("key", OTHER)
def test_features_that_differ(key):
    assert mismatch(OWN, {**OTHER, key: 64}).startswith(f"{key}: expected ")
