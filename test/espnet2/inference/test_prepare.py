"""Devices and precisions that PyTorch has not are refused."""

from types import SimpleNamespace

import pytest

from espnet2.inference.prepare import prepare
from espnet2.interface.errors import OptionError


@pytest.mark.parametrize("dtype", ["", " ", "/etc/passwd", "int8", "nn", "x" * 60_000])
def test_a_precision_that_no_model_has(dtype):
    with pytest.raises(OptionError, match="dtype: expected "):
        prepare(SimpleNamespace(parts=()), "cpu", dtype)
