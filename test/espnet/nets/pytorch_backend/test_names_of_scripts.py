"""Helpers and interfaces that scripts import, against numbers that upstream computed."""

import pytest
import torch

from espnet.nets.asr_interface import ASRInterface
from espnet.nets.beam_search import BeamSearch, beam_search
from espnet.nets.beam_search_timesync import BeamSearchTimeSync
from espnet.nets.beam_search_timesync_streaming import BeamSearchTimeSyncStreaming
from espnet.nets.lm_interface import LMInterface
from espnet.nets.pytorch_backend.nets_utils import (
    make_non_pad_mask,
    make_pad_mask,
    th_accuracy,
    trim_by_ctc_posterior,
)
from espnet.nets.pytorch_backend.transformer.embedding import LearnableFourierPosEnc
from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
from espnet2.asr.partially_AR_model import PartiallyARInference

FOURIER = {
    "w_r": [1.09, -0.207],
    "mlp.0.weight": [-0.193, 0.134, -0.01, 0.396, -0.044, 0.132, -0.151, -0.098, -0.478, -0.331, -0.206, 0.019],
    "mlp.0.bias": [0.198, 0.3, -0.339],
    "mlp.2.weight": [-0.251, 0.21, 0.479, -0.119, 0.432, -0.093, 0.061, 0.523, -0.536, -0.363, -0.146, -0.225],
    "mlp.2.bias": [0.499, -0.374, -0.266, -0.403],
}


def one_hot(tokens: list[list[int]]) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(tokens), 4).float()


@pytest.mark.parametrize(("positions", "kept"), [(0, 0), (12, 9), (23, 17)])
def test_blanks_at_the_end_are_cut(positions, kept):
    h, pos_emb = torch.randn(2, 12, 3), torch.randn(1, positions, 3) if positions else None
    masks = torch.ones(2, 1, 12, dtype=torch.bool)
    masks[1, 0, 10:] = False
    posterior = one_hot([[1, *[0] * 11], [0, 0, 0, 3, *[0] * 8]])
    trimmed, left, places = trim_by_ctc_posterior(h, posterior, masks, pos_emb)
    assert trimmed.equal(h[:, :9]) and left.sum(-1).flatten().tolist() == [6, 9]
    assert positions == 0 or places.equal(pos_emb[:, (positions - kept) // 2 * (positions > 12) :][:, :kept])


@pytest.mark.parametrize(("blank", "kept"), [(0.9, 16), (0.949, 16), (0.951, 8), (1.0, 8)])
def test_a_blank_that_ctc_is_unsure_of_is_kept(blank, kept):
    """Upstream keeps as many frames."""
    posterior = one_hot([[1, 1, 1, *[0] * 17]])
    posterior[0, 10, :2] = torch.tensor([blank, 1 - blank])
    trimmed, _, _ = trim_by_ctc_posterior(torch.zeros(1, 20, 2), posterior, torch.ones(1, 1, 20, dtype=torch.bool))
    assert trimmed.shape[1] == kept


def test_padding_is_no_token_where_blanks_are_cut():
    """Upstream keeps as many frames."""
    posterior, masks = one_hot([[0] * 20, [0] * 20]), torch.ones(2, 1, 20, dtype=torch.bool)
    masks[0, 0, 9:] = False
    posterior[0, 18, :2] = torch.tensor([0.2, 0.8])
    posterior[1, 2, :2] = 0.5
    _, left, _ = trim_by_ctc_posterior(torch.zeros(2, 20, 2), posterior, masks)
    assert left.sum(-1).flatten().tolist() == [5, 8]


def test_accuracy_leaves_padding_out():
    scores = torch.tensor([[1.0, 2, 0], [0, 1, 3], [5, 0, 0], [1, 1, 2]])
    assert th_accuracy(scores, torch.tensor([[1, 2], [1, -1]]), -1) == pytest.approx(2 / 3)


@torch.no_grad()
def test_fourier_features_are_upstreams():
    module = LearnableFourierPosEnc(4, 0.0, gamma=2.0, apply_scaling=True, hidden_dim=3).eval()
    module.load_state_dict({k: torch.tensor(FOURIER[k]).view(v.shape) for k, v in module.state_dict().items()})
    expected = [0.43946, -0.02526, 0.44509, 0.31869, 1.43155, 0.9593, 1.42689, 1.32243]
    found = module(torch.arange(8.0).view(1, 2, 4) / 8)
    torch.testing.assert_close(found.flatten(), torch.tensor(expected), atol=2e-5, rtol=0)


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(3)
    decoder = TransformerDecoder(5, 4, linear_units=4, num_blocks=1).eval()
    return CTC(5, 4).eval(), decoder, 3 * torch.randn(12, 4)


def test_search_as_a_function(parts):
    _, decoder, x = parts
    found = beam_search(x, 4, 4, 3, 5, {"decoder": decoder}, {"decoder": 1.0}, maxlenratio=-4)
    search = BeamSearch({"decoder": decoder}, {"decoder": 1.0}, 3, 5, 4, 4, pre_beam_score_key="full")
    assert found == [hypothesis.asdict() for hypothesis in search(x, -4)]


def test_time_synchronous_stream_of_one_piece_is_the_whole(parts):
    ctc, decoder, x = parts
    arguments = 4, 3, {"ctc": ctc, "decoder": decoder}, {"ctc": 0.5, "decoder": 0.5}
    whole, stream = BeamSearchTimeSync(*arguments)(x), BeamSearchTimeSyncStreaming(*arguments).eval()
    for _ in range(2):
        found = stream(x=x, maxlenratio=0, minlenratio=0, is_final=True, incremental_decode=True)
        assert [hypothesis.asdict() for hypothesis in found] == [hypothesis.asdict() for hypothesis in whole]
    first = stream(x[:5])
    assert first[0].yseq.dtype == torch.int64 and stream(x, start_idx=5)[0].yseq[-1] == 4
    with pytest.raises(ValueError, match="hold_n: expected 0"):
        BeamSearchTimeSyncStreaming(*arguments, hold_n=2)


def test_doubtful_segments_are_written_between_mask_tokens(parts):
    ctc, decoder, x = parts
    model = PartiallyARInference(ctc, decoder, 0.0, 4, 4, 5, list("abcde"), {"decoder": decoder}, {"decoder": 1.0})
    best = ctc.argmax(x[None])[0].tolist()
    text = [token for before, token in zip([None, *best], best, strict=False) if token not in (before, 0)]
    assert model.eval()(x)[0].yseq.tolist() == [5, *text, 5]
    model = PartiallyARInference(ctc, decoder, 1.1, sos=4, eos=4, mask_token=5, token_list=list("abcde"))
    assert model(x)[0].yseq[[0, -1]].tolist() == [5, 5]


def test_interfaces_say_what_is_missing():
    with pytest.raises(NotImplementedError, match="ASRInterface defines no scorers"):
        ASRInterface().scorers()
    with pytest.raises(NotImplementedError, match="LMInterface defines no forward"):
        LMInterface().forward(None, None)


def test_masks_by_upstreams_arguments():
    lengths, batch = [4, 2], torch.ones(2, 4, 3)
    expected = torch.tensor([[False] * 4, [False, False, True, True]])
    assert make_pad_mask(lengths).equal(expected) and make_pad_mask(torch.tensor(lengths), maxlen=4).equal(expected)
    for mask in (make_pad_mask(lengths, batch, 1), make_pad_mask(lengths, xs=batch, length_dim=1)):
        assert mask.equal(expected[:, :, None].expand(2, 4, 3))
    assert make_non_pad_mask(lengths, batch.transpose(1, 2)).equal(~expected[:, None].expand(2, 3, 4))
