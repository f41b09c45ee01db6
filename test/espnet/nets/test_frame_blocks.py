"""Blocks of a stream of frames."""

import numpy as np
import pytest
from search_tables import pieces

from espnet.nets.frame_blocks import FrameBlocks


@pytest.mark.parametrize("cuts", [[], range(1, 20), [0, 0, 7, 7, 19], [5], [4, 6, 8]])
def test_blocks_are_the_same_however_a_stream_is_cut(cuts):
    blocks = FrameBlocks(5, 3, 1)
    assert len(blocks.rest()) == 0
    x = np.arange(20.0)[:, None]
    given = [block[:, 0].tolist() for piece in pieces(x, cuts) for block in blocks(piece)]
    assert given == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12], [13, 14, 15], [16, 17, 18]]
    assert blocks.rest().tolist() == [[19.0]]


@pytest.mark.parametrize("sizes", [(4, 0, 1), (4, 2, 4), (4, 2, -1)])
def test_blocks_that_do_not_go_on(sizes):
    with pytest.raises(ValueError, match="expected a hop of at least 1 and a look-ahead below the size, found"):
        FrameBlocks(*sizes)
