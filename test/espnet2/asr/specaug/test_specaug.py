"""SpecAugment: what it leaves alone and what it refuses; its draws are compared with upstream's in the zoo."""

import pytest
import torch

from espnet2.asr.specaug.specaug import SpecAug


def test_lengths_stay_and_padding_is_zero():
    torch.manual_seed(0)
    x, lengths = torch.rand(2, 50, 24) + 1, torch.tensor([50, 31])
    warped, found = SpecAug(apply_freq_mask=False, apply_time_mask=False)(x, lengths)
    assert torch.equal(found, lengths)
    assert warped.shape == x.shape
    assert not warped[1, 31:].any()
    assert (warped[1, :31] > 0.5).all()


def test_short_utterances_are_not_warped():
    x = torch.rand(1, 10, 24)
    assert torch.equal(SpecAug(apply_freq_mask=False, apply_time_mask=False)(x)[0], x)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"apply_time_warp": False, "apply_freq_mask": False, "apply_time_mask": False}, "found none"),
        ({}, "found both or neither"),
        ({"time_mask_width_range": 3, "time_mask_width_ratio_range": 0.1}, "found both or neither"),
        ({"time_mask_width_range": [5, 2]}, r"mask_width_range: .* found \[5, 2\]"),
        ({"time_mask_width_range": [5, 5]}, r"mask_width_range: .* found \[5, 5\]"),
        ({"time_mask_width_range": [1, 2, 3]}, r"mask_width_range: .* found \[1, 2, 3\]"),
        ({"time_mask_width_ratio_range": [-0.1, 0.2]}, r"mask_width_ratio_range: .* found \[-0.1, 0.2\]"),
        ({"time_mask_width_range": 3, "num_time_mask": 0}, "num_mask: expected at least 1, found 0"),
        ({"time_mask_width_range": 3, "time_warp_window": 0}, "time_warp_window: expected at least 1 frame, found 0"),
        ({"time_mask_width_range": 3, "time_warp_mode": "nearest"}, "time_warp_mode: .* found 'nearest'"),
    ],
)
def test_options_without_use_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SpecAug(**options)
