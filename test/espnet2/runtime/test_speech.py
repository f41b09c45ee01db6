"""Speech of several channels."""

import numpy as np
import pytest

from espnet2.runtime.errors import AudioError
from espnet2.runtime.speech import require_same_channels, require_shape


def test_any_number_of_channels_fits_an_axis_with_a_name():
    for channels in (1, 2, 7):
        require_shape(np.ones((9, channels)), ("samples", "channels"), "speech")
    with pytest.raises(AudioError, match=r"speech: expected shape \(samples, channels\), found \(9,\)"):
        require_shape(np.ones(9), ("samples", "channels"), "speech")


def test_utterances_of_a_batch_have_as_many_channels():
    require_same_channels([np.ones((9, 2)), np.ones((4, 2))])
    require_same_channels([np.ones(9), np.ones(4)])
    with pytest.raises(AudioError, match=r"expected as many channels.* found \[2, 3\]"):
        require_same_channels([np.ones((9, 2)), np.ones((4, 3))])
