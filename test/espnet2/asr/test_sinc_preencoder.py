"""Dropout of whole steps or channels."""

import pytest
import torch

from espnet2.asr.preencoder.sinc import SpatialDropout


@pytest.mark.parametrize(("shape", "whole"), [(None, 1), ((0, 1, 2), 2), ([0, 2, 1], 1), ((1, 0, 2), 2)])
def test_spatial_dropout_drops_along_an_axis(shape, whole):
    torch.manual_seed(0)
    dropout = SpatialDropout(0.5, shape)
    dropped = dropout(torch.ones(20, 20, 20)).movedim(whole, 2)
    assert (dropped == dropped[..., :1]).all() and set(dropped.unique().tolist()) == {0.0, 2.0}
    assert dropout.eval()(torch.ones(2, 3, 4)).eq(1).all()
