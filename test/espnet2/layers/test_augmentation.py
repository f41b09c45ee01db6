"""Audio effects against upstream's results, and the drawing of effects."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from augmentation_cases import CASES, DRAWN, FS, SEEDS, signal

from espnet2.layers import augmentation
from espnet2.layers.augmentation import DataAugmentation, effects_dict
from espnet2.layers.signal_filters import resample

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "augmentation" / "effects.npz")


@pytest.mark.parametrize(("name", "effect", "options"), CASES, ids=[name for name, *_ in CASES])
def test_effect_equals_upstream(name, effect, options):
    torch.manual_seed(0)
    output = effects_dict[effect](torch.from_numpy(signal()), FS, **options)
    np.testing.assert_allclose(output.numpy(), GOLDEN[name], atol=1e-4)
    torch.manual_seed(0)
    double = effects_dict[effect](torch.from_numpy(signal()).double(), FS, **options)
    torch.testing.assert_close(double.float(), output, atol=1e-4, rtol=1e-4)
    pair = torch.from_numpy(signal()).expand(2, -1)
    if effect not in ("corrupt_phase", "clipping"):
        torch.testing.assert_close(effects_dict[effect](pair, FS, **options)[1], output, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_effects_are_drawn_as_upstream_draws_them(seed):
    random.seed(seed)
    np.random.seed(seed)
    output = DataAugmentation(DRAWN, [1, 3])(signal(), FS)
    np.testing.assert_allclose(output, GOLDEN[f"drawn{seed}"], atol=1e-5)


@pytest.mark.parametrize("method", [*augmentation.RESAMPLE_METHODS, "random"])
def test_limited_bandwidth_keeps_low_tones_and_loses_high_ones(method):
    time = torch.arange(4000) / 16000
    low, high = torch.sin(2 * torch.pi * 500 * time), torch.sin(2 * torch.pi * 6000 * time)
    limited = augmentation.bandwidth_limitation(low + high, 16000, method)  # 8000 is the only lower rate
    torch.testing.assert_close(limited[500:-500], low[500:-500], atol=0.01, rtol=0)
    assert augmentation.bandwidth_limitation(low, 8000).equal(low)


@pytest.mark.parametrize(("old", "new"), [(16000, 8000), (8000, 16000), (48000, 22050), (4001, 4800), (4800, 4001)])
def test_a_resampled_tone_is_the_tone_at_other_times(old, new):
    times = [
        torch.arange(count, dtype=torch.float64) / rate
        for count, rate in ((old // 4, old), (-(-(old // 4) * new // old), new))
    ]
    before, after = (torch.sin(2 * torch.pi * 440 * time) for time in times)
    found = resample(torch.stack([before, -before]), old, new, 64)
    assert found.shape == (2, len(after))
    inside = slice(len(after) // 4, -len(after) // 4)
    torch.testing.assert_close(found[0, inside], after[inside], atol=1e-3, rtol=0)
    assert found[1].equal(-found[0]) and resample(before[:0], old, new).shape == (0,)


@pytest.mark.parametrize(
    ("effects", "apply_n", "message"),
    [
        ([[1.0, "echo", {}]], (1, 1), "effects.*echo.*lowpass"),
        ([[1.0, [[1.0, "echo", {}]]]], (1, 1), "effects.*echo.*lowpass"),
        ([[1.0, "lowpass", {"cutoff": 1}]], (1, 1), "effects: lowpass: .*cutoff"),
        ([[1.0, [[1.0, "speed_perturb", {}]]]], (1, 1), "effects: speed_perturb: .*factor"),
        ([["lowpass", {}]], (1, 1), "effects: .* weight above 0 .*, found 'lowpass'"),
        ([[1.0, "lowpass"]], (1, 1), "effects: expected a list of effects, found 'lowpass'"),
        ([[1.0, []]], (1, 1), r"effects: expected a list of effects, found \[\]"),
        ([[1.0, 5, {}]], (1, 1), "effects: expected a name, found 5"),
        ([[1.0, [[1.0, [1.0, "lowpass", {}]]]]], (1, 1), "effects: expected weight, name and options of each"),
        (["lowpass"], (1, 1), "effects: expected weight, name and options of each, found 'lowpass'"),
        ([[0.0, "lowpass", {}]], (1, 1), r"effects: .* weight above 0 .*, found 0\.0"),
        ([[1.0, [["2", "lowpass", {}]]]], (1, 1), "effects: .* weight above 0 .*, found '2'"),
        ([[1.0, "lowpass", 500]], (1, 1), "effects: lowpass: expected a mapping of options, found 500"),
        ([[1.0, [[1.0, "lowpass", None]]]], (1, 1), "effects: lowpass: expected a mapping of options, found None"),
        ([["1", [[1.0, "lowpass", {}]]]], (1, 1), "effects: .* weight above 0 .*, found '1'"),
        ([[1.0, "reverse", {}]], (1, 2), r"apply_n.*0 to 1.*\[1, 2\]"),
    ],
)
def test_what_cannot_be_applied_is_refused(effects, apply_n, message):
    with pytest.raises(ValueError, match=message):
        DataAugmentation(effects, apply_n)


def test_codecs_are_refused_as_upstream_refuses_them():
    with pytest.raises(NotImplementedError, match="mp3"):
        augmentation.codecs(torch.zeros(10), FS, "mp3")
