"""The convolutional transform against torch.stft, alone and in padded batches."""

import pytest
import torch

from espnet2.layers.stft import Stft

OPTIONS = [
    {},
    {"win_length": 400, "hop_length": 160},
    {"window": None},
    {"window": "hamming", "n_fft": 400, "win_length": 301, "hop_length": 100},
    {"window": "blackman", "n_fft": 511, "win_length": 400},
    {"center": False, "win_length": 400},
    {"normalized": True},
    {"onesided": False},
]
LENGTHS = (2000, 1501, 269)


def transform(samples: torch.Tensor, stft: Stft) -> torch.Tensor:
    window = None if stft.window is None else getattr(torch, f"{stft.window}_window")(stft.win_length)
    spectrum = torch.stft(
        samples,
        stft.n_fft,
        stft.hop_length,
        stft.win_length,
        torch.ones(stft.win_length) if window is None else window,
        center=stft.center,
        normalized=stft.normalized,
        onesided=stft.onesided,
        return_complex=True,
    )
    return torch.view_as_real(spectrum.transpose(1, 2))


@pytest.mark.parametrize("options", OPTIONS)
def test_every_utterance_of_a_batch_is_as_torch_computes_it_alone(options):
    stft = Stft(**options)
    lengths = [n for n in LENGTHS if stft.center or n >= stft.n_fft]
    speech = torch.nn.utils.rnn.pad_sequence([torch.randn(n) for n in lengths], batch_first=True)
    output, olens = stft(speech, torch.tensor(lengths))
    for i, length in enumerate(lengths):
        expected = transform(speech[i : i + 1, :length], stft)[0]
        assert olens[i] == stft.length(length) == len(expected)
        torch.testing.assert_close(output[i, : olens[i]], expected, atol=5e-5, rtol=1e-5)
        assert not output[i, olens[i] :].any()


def test_what_lies_in_the_padding_does_not_matter():
    stft, lengths = Stft(), torch.tensor([2000, 1501])
    speech = torch.randn(2, 2000)
    noisy = speech.clone()
    speech[1, 1501:] = 0
    torch.testing.assert_close(stft(speech, lengths)[0], stft(noisy, lengths)[0])


def test_channels_are_transformed_one_by_one():
    stft, speech = Stft(), torch.randn(2, 1000, 3)
    output, olens = stft(speech, torch.tensor([1000, 700]))
    alone, _ = stft(speech[:, :, 1], torch.tensor([1000, 700]))
    torch.testing.assert_close(output[:, :, 1], alone)
    assert output.shape == (2, 8, 3, 257, 2) and olens.tolist() == [8, 6]


def test_lengths_are_optional_and_the_shortest_input_is_one_sample():
    output, olens = Stft()(torch.ones(1, 1))
    assert olens is None and output.isfinite().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": "square"}, "window: expected one of .*hann.*found 'square'"),
        ({"win_length": 600}, "win_length: expected at most n_fft = 512 samples, found 600"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Stft(**options)


def test_no_state_is_stored():
    assert not Stft().state_dict()


@pytest.mark.parametrize("options", [options for options in OPTIONS if options.get("center", True)])
def test_inverse(options):
    stft, speech, lengths = Stft(**options), torch.randn(2, 2000), torch.tensor([2000, 1500])
    spectrum, _ = stft(speech)
    restored, restored_lengths = stft.inverse(spectrum, lengths)
    torch.testing.assert_close(restored[:, :1800], speech[:, :1800], atol=1e-4, rtol=1e-4)
    assert restored.shape == speech.shape and restored_lengths.equal(lengths)
    whole, none = stft.inverse(torch.view_as_complex(spectrum.contiguous()))
    covered = (stft.length(2000) - 1) * stft.hop_length
    assert none is None and abs(whole.shape[1] - covered) <= 1
    torch.testing.assert_close(whole[:, :1800], speech[:, :1800], atol=1e-4, rtol=1e-4)
