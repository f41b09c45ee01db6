"""Speech of several channels."""

import numpy as np
import pytest

from espnet2.interface.errors import AudioError
from espnet2.runtime.speech import require_channels, require_same_channels, require_shape


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


def test_channels_that_an_encoder_needs():
    require_channels(np.ones((9, 2)), ("samples", "channels"), 2, "speech")
    require_channels(np.ones((9, 1)), ("frames", 1), 2, "speech")
    with pytest.raises(AudioError, match=r"^speech: expected at least 2 channels, found 1$"):
        require_channels(np.ones((9, 1)), ("samples", "channels"), 2, "speech")
