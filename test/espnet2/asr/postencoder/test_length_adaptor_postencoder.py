"""The length adaptor refuses what nothing would be left of; its numbers are compared with upstream's in the zoo."""

import pytest
import torch

from espnet.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from espnet2.asr.postencoder.length_adaptor_postencoder import LengthAdaptorPostEncoder


def test_too_few_frames():
    adaptor = LengthAdaptorPostEncoder(4, length_adaptor_n_layers=3)
    assert adaptor(torch.randn(1, 8, 4), torch.tensor([8]))[1].tolist() == [1]
    with pytest.raises(TooShortUttError, match=r"7 frames.*8"):
        adaptor(torch.randn(1, 7, 4), torch.tensor([7]))
