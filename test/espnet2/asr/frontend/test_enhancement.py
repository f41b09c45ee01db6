"""Enhancement in the default front end: what training draws, gradients, channels, and speech that shows its effect."""

import numpy as np
import pytest
import torch

from espnet.nets.pytorch_backend.frontends.complex_pair import Pair
from espnet.nets.pytorch_backend.frontends.dnn_beamformer import DNN_Beamformer, souden_filters, spatial_correlation
from espnet.nets.pytorch_backend.frontends.dnn_wpe import DNN_WPE
from espnet.nets.pytorch_backend.frontends.frontend import Frontend
from espnet2.asr.frontend.default import DefaultFrontend

SIZES = {"wlayers": 1, "wunits": 3, "wprojs": 4, "blayers": 1, "bunits": 3, "bprojs": 4, "badim": 5}
BOTH = {**SIZES, "use_wpe": True, "use_beamformer": True, "taps": 2}


def _frontend(conf, **options):
    return DefaultFrontend(n_fft=32, hop_length=16, n_mels=6, frontend_conf=conf, **options)


def _pair(*shape):
    return Pair(torch.randn(shape), torch.randn(shape))


def test_training_draws_one_of_the_parts_or_none():
    torch.manual_seed(0)
    frontend, x, lengths = Frontend(17, **BOTH), _pair(1, 17, 3, 20), torch.tensor([20])
    expected = [x, frontend.wpe(x, lengths), frontend.beamformer(x, lengths)]
    np.random.seed(0)
    drawn = [frontend(x, lengths) for _ in range(30)]
    found = [[one.real.shape == e.real.shape and one.real.equal(e.real) for e in expected] for one in drawn]
    assert all(sum(row) == 1 for row in found) and all(any(column) for column in zip(*found, strict=True))
    both = frontend.eval()(x, lengths)
    torch.testing.assert_close(both.real, frontend.beamformer(expected[1], lengths).real)


@pytest.mark.parametrize("conf", [{"use_wpe": True}, {"use_beamformer": True}])
def test_gradients_are_those_of_numbers(conf):
    torch.manual_seed(0)
    frontend = _frontend({**SIZES, "taps": 2, **conf}).eval()
    speech, lengths = torch.randn(1, 200, 2).requires_grad_(), torch.tensor([200])
    direction, step = torch.randn_like(speech), 1e-2
    (slope,) = torch.autograd.grad(frontend(speech, lengths)[0].sum(), speech)
    with torch.no_grad():
        apart = [frontend(speech + sign * step * direction, lengths)[0].sum() for sign in (1, -1)]
    assert ((apart[0] - apart[1]) / (2 * step)).item() == pytest.approx((slope * direction).sum().item(), rel=0.05)
    silent = torch.zeros(1, 200, 2, requires_grad=True)
    frontend(silent, lengths)[0].sum().backward()
    assert silent.grad.isfinite().all()


def test_one_channel_without_axis_is_not_enhanced():
    frontend, plain = _frontend(BOTH).eval(), _frontend(None).eval()
    speech, lengths = torch.randn(2, 500), torch.tensor([500, 300])
    assert frontend(speech, lengths)[0].equal(plain(speech, lengths)[0])


def test_a_beamformer_leaves_a_single_channel_as_it_is():
    frontend, plain = _frontend({**SIZES, "use_beamformer": True}).eval(), _frontend(None).eval()
    speech, lengths = torch.randn(1, 500, 1), torch.tensor([500])
    torch.testing.assert_close(frontend(speech, lengths)[0], plain(speech[..., 0], lengths)[0], atol=1e-4, rtol=1e-4)


def test_spectra_may_be_given_instead_of_samples():
    whole, spectral = _frontend(BOTH).eval(), _frontend(BOTH, apply_stft=False).eval()
    spectral.load_state_dict(whole.state_dict())
    speech, lengths = torch.randn(2, 500, 3), torch.tensor([500, 300])
    spectrum, frames = whole.stft(speech, lengths)
    torch.testing.assert_close(spectral(spectrum, frames)[0], whole(speech, lengths)[0])
    assert spectral.reads == ("frames", "channels", 17, 2) and whole.reads == ("samples", "channels")


def test_a_reference_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="ref_channel: expected a channel below 2, found 2"):
        DNN_Beamformer(17, blayers=1, ref_channel=2)(_pair(1, 17, 2, 9), torch.tensor([9]))


@pytest.mark.parametrize(
    ("conf", "least"),
    [
        (None, 1),
        ({"use_wpe": True, "ref_channel": 1}, 1),
        ({"use_beamformer": True}, 1),
        ({"use_beamformer": True, "ref_channel": 1}, 2),
    ],
)
def test_channels_that_a_front_end_needs(conf, least):
    assert _frontend(None if conf is None else {**SIZES, **conf}).least_channels == least


def test_the_beamformer_removes_a_noise_that_it_knows():
    """Speech comes from one direction and noise from another; the true masks of both are given."""
    torch.manual_seed(0)
    frames, spoken = 200, (torch.arange(200) % 4 > 0).float()
    speech, noise = _pair(1, 5, 1, frames).times(spoken), _pair(1, 5, 1, frames)
    steering = [_pair(1, 5, 3, 1) for _ in range(2)]
    images = [direction @ source for direction, source in zip(steering, (speech, noise), strict=True)]
    mixed = Pair(images[0].real + images[1].real, images[0].imag + images[1].imag).double()
    mask = spoken.double().expand(1, 5, 3, -1)
    matrices = spatial_correlation(mixed, mask), spatial_correlation(mixed, 1 - mask)
    reference = torch.tensor([[1.0, 0.0, 0.0]]).double()
    filters = souden_filters(*matrices, reference)
    rows = Pair(*(part.unsqueeze(-1) for part in filters)).adjoint()
    left = (rows @ images[1].double()).square().mean() / images[1].square()[:, :, 0].mean()
    assert left < 1e-4


def test_prediction_removes_a_late_echo():
    torch.manual_seed(0)
    dry = _pair(1, 5, 2, 400)
    echo = Pair(*(torch.nn.functional.pad(0.4 * part, (4, 0))[..., :400] for part in dry))
    wet = Pair(dry.real + echo.real, dry.imag + echo.imag)
    result = DNN_WPE(taps=5, delay=3, use_dnn_mask=False)(wet, torch.tensor([400]))
    before, after = (one.minus(dry).square()[..., 10:].mean() for one in (wet, result))
    assert after < 0.4 * before


@pytest.mark.parametrize(
    "speech",
    [
        torch.randn(1, 3000, 1, generator=torch.Generator().manual_seed(0)).expand(-1, -1, 3),
        torch.sin(torch.arange(3000) / 7.0)[None, :, None].expand(-1, -1, 2),
        torch.cat(
            [torch.randn(1, 1500, 2, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 1500, 2)], dim=1
        ),
        torch.randn(1, 200, 4, generator=torch.Generator().manual_seed(0)),
        torch.zeros(1, 300, 2),
    ],
    ids=["equal-channels", "tone", "silence", "fewer-frames-than-taps", "zeros"],
)
def test_prediction_stays_finite_where_it_is_not_determined(speech):
    frontend = _frontend({**SIZES, "use_wpe": True, "taps": 5}).eval()
    lengths = torch.tensor([speech.shape[1]])
    features = frontend(speech.contiguous(), lengths)[0]
    again = frontend((speech * (1 + 1e-6 * torch.randn_like(speech))).contiguous(), lengths)[0]
    assert features.isfinite().all() and again.isfinite().all()
