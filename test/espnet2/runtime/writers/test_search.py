"""Scores in files; the rest of decoding is tested through the command line, in `test/espnet2/bin`."""

import numpy as np
import pytest

from espnet2.runtime.writers.search import format_score


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (-0.868380069732666, "tensor(-0.8684)"),
        (-12.0, "tensor(-12.)"),
        (0.0, "tensor(0.)"),
        (-1234.56789, "tensor(-1234.5679)"),
        (-1e-5, "tensor(-1.0000e-05)"),
        (-float("inf"), "tensor(-inf)"),
        (np.float32(1.5), "tensor(1.5000)"),
    ],
)
def test_scores_as_upstream_writes_them(score, text):
    assert format_score(score) == text
