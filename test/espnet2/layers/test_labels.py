"""Labels of frames, and mixtures with labels."""

import pytest
import torch

from espnet2.layers.label_aggregation import LabelAggregate
from espnet2.layers.mixup_augmentation import MixupAugment
from espnet2.layers.stft import Stft

# Upstream's labels of frames of 8 samples, 4 apart, where the first k of 21 samples have the label, and the last k.
FIRST = {2: "000000", 3: "100000", 5: "110000", 8: "110000"}
LAST = {2: "000000", 3: "000001", 5: "000001", 6: "000011"}


@pytest.mark.parametrize(("counts", "part"), [(FIRST, lambda k: slice(0, k)), (LAST, lambda k: slice(-k, None))])
def test_labels_of_frames_equal_upstream(counts, part):
    for count, expected in counts.items():
        labels = torch.zeros(1, 21, 1)
        labels[0, part(count)] = 1
        frames, lengths = LabelAggregate(8, 4)(labels)
        assert "".join(str(int(value)) for value in frames.flatten()) == expected and lengths is None


@pytest.mark.parametrize("center", [True, False])
def test_a_batch_is_as_its_utterances_alone(center):
    layer, lengths = LabelAggregate(8, 4, center), torch.tensor([50, 31])
    labels = (torch.rand(2, 50, 3) > 0.5).float()
    frames, frame_lengths = layer(labels, lengths)
    assert frame_lengths.equal(Stft(8, hop_length=4, center=center)(torch.randn(2, 50), lengths)[1])
    for index, (length, count) in enumerate(zip(lengths, frame_lengths, strict=True)):
        assert frames[index, :count].equal(layer(labels[index : index + 1, :length])[0][0])
        assert not frames[index, count:].any()


def test_mixtures_of_speech_and_of_labels_have_the_same_shares():
    speech, labels, lengths = torch.eye(5).repeat(1, 3), torch.eye(5), torch.arange(11, 16)
    torch.manual_seed(0)
    mixed, shares, shorter = MixupAugment(1.0)(speech, labels, lengths)
    torch.testing.assert_close(mixed, shares.repeat(1, 3))
    torch.testing.assert_close(shares.sum(1), torch.ones(5))
    expected = [min(lengths[row > 0]) for row in shares]
    assert shorter.tolist() == [int(value) for value in expected] and (shares < 1).any(1).any()
    same = MixupAugment(0.0)(speech, labels, lengths)
    assert same[0].equal(speech) and same[1].equal(labels) and same[2].equal(lengths)
