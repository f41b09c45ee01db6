"""Searches made from PyTorch modules, as notebooks make them: the demo model's n-best lists are upstream's."""

import json

import numpy as np
import pytest
import soundfile
import torch

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.batch_beam_search_online import BatchBeamSearchOnline
from espnet.nets.batch_beam_search_online_sim import BatchBeamSearchOnlineSim
from espnet.nets.beam_search import BeamSearch
from espnet.nets.beam_search_timesync import BeamSearchTimeSync
from espnet.nets.scorer_interface import BatchScorerInterface, ScorerInterface
from espnet.nets.scorers.ctc import CTCPrefixScorer
from espnet.nets.scorers.length_bonus import LengthBonus
from espnet2.runtime import Speech2Text
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask


@pytest.fixture(scope="module")
def models(demo_dir):
    exp = demo_dir / "exp"
    model, _ = ASRTask.build_model_from_file(exp / "asr" / "config.yaml", exp / "asr" / "valid.acc.ave.pth", "cpu")
    lm, _ = LMTask.build_model_from_file(exp / "lm" / "config.yaml", exp / "lm" / "valid.loss.ave.pth", "cpu")
    return model.eval(), lm.lm.eval()


@pytest.fixture(scope="module")
def references(demo_dir):
    return [json.loads(line) for line in (demo_dir / "refs.jsonl").read_text(encoding="utf-8").splitlines()]


@torch.no_grad()
def encoded(model, demo_dir, reference):
    samples, _ = soundfile.read(demo_dir / reference["file"], dtype="float32")
    speech = torch.from_numpy(samples)[None]
    return model.encode(speech, torch.tensor([speech.shape[1]]))[0][0]


def scorers(model, lm):
    ctc = CTCPrefixScorer(ctc=model.ctc, eos=model.eos)
    return {"decoder": model.decoder, "ctc": ctc, "lm": lm, "length_bonus": LengthBonus(len(model.token_list))}


def search_over(kind, model, lm, lm_weight=0.0, **options):
    weights = {"decoder": 0.7, "ctc": 0.3, "lm": lm_weight, "length_bonus": 0.0}
    search = kind(
        beam_size=10,
        vocab_size=len(model.token_list),
        weights=weights,
        scorers=scorers(model, lm),
        sos=model.sos,
        eos=model.eos,
        token_list=model.token_list,
        pre_beam_score_key="full",
        **options,
    )
    return search.to(device="cpu", dtype=torch.float32).eval()


@pytest.mark.parametrize(("name", "lm_weight"), [("no_lm", 0.0), ("lm", 0.5)])
def test_batch_search_gives_upstreams_nbest(models, references, demo_dir, name, lm_weight):
    search = search_over(BatchBeamSearch, *models, lm_weight)
    for reference in references[:2]:
        nbest = search(x=encoded(models[0], demo_dir, reference), maxlenratio=0.0, minlenratio=0.0)
        for hypothesis, expected in zip(nbest, reference[name]["nbest"], strict=False):
            assert hypothesis.yseq.dtype == torch.int64 and hypothesis.yseq.tolist() == expected["yseq"]
            assert hypothesis.score.dtype == torch.float32 and hypothesis.score.ndim == 0
            assert hypothesis.score.item() == pytest.approx(expected["score"], abs=1e-3)
            assert hypothesis.asdict()["scores"] == pytest.approx(expected["scores"], abs=1e-3)


def test_class_of_a_search_may_be_changed_as_upstreams_commands_do(models, references, demo_dir):
    search = search_over(BeamSearch, *models)
    assert all(isinstance(scorer, BatchScorerInterface) for scorer in search.full_scorers.values())
    assert list(search.part_scorers) == ["ctc"] and dict(search.nn_dict) == {"decoder": models[0].decoder}
    x, expected = encoded(models[0], demo_dir, references[0]), references[0]["no_lm"]["nbest"][0]
    search.__class__ = BatchBeamSearch
    assert search(x)[0].yseq.tolist() == expected["yseq"]
    search.__class__ = BatchBeamSearchOnlineSim
    search.set_block_size(40)
    assert search(x)[0].yseq.tolist() == expected["yseq"]


def test_one_hypothesis_at_a_time_gives_the_same(models, references, demo_dir):
    x = encoded(models[0], demo_dir, references[0])[:30]
    (one, *_), (together, *_) = (search_over(kind, *models)(x, -4) for kind in (BeamSearch, BatchBeamSearch))
    assert one.yseq.tolist() == together.yseq.tolist()
    torch.testing.assert_close(one.score, together.score)


def test_streams_and_time_synchronous_search_take_modules(models, references, demo_dir, demo_bundle):
    model, lm = models
    x = encoded(model, demo_dir, references[0])
    stream = search_over(BatchBeamSearchOnline, model, lm)
    for piece in x[:-20].split(25):
        so_far = stream(piece, is_final=False)
    assert so_far[0].yseq.dtype == torch.int64
    in_pieces = stream(x[-20:])
    stream.reset()
    assert [hypothesis.yseq.tolist() for hypothesis in in_pieces] == [h.yseq.tolist() for h in stream(x)]
    weights = {"decoder": 0.5, "ctc": 0.5, "length_bonus": 0.0}
    joint = BeamSearchTimeSync(model.sos, 4, {**scorers(model, lm), "ctc": model.ctc}, weights).eval()
    graphs = Speech2Text(demo_bundle, beam_size=4, ctc_weight=0.5, lm_weight=0.0, time_sync=True).beam_search
    for hypothesis, expected in zip(joint(x), graphs(x.numpy()), strict=True):
        assert hypothesis.yseq.tolist() == expected.yseq.tolist()
        assert hypothesis.score.item() == pytest.approx(expected.score, abs=1e-3)


def test_search_of_a_recogniser_takes_tensors(models, references, demo_dir, demo_bundle):
    x = encoded(models[0], demo_dir, references[0])
    for options in ({}, {"time_sync": True}, {"ctc_greedy": True}):
        search = Speech2Text(demo_bundle, beam_size=3, lm_weight=0.0, **options).beam_search
        for found, expected in zip(search(x=x, maxlenratio=0.0), search(x.numpy()), strict=True):
            assert found.yseq.dtype == torch.int64 and found.yseq.tolist() == expected.yseq.tolist()
            assert found.score.item() == pytest.approx(expected.score, abs=1e-4)


def test_hidden_vectors_are_those_of_forward(models):
    model, lm = models
    x = torch.randn(20, model.decoder.size, generator=torch.Generator().manual_seed(1))
    for kind in (BeamSearch, BatchBeamSearch):
        best = search_over(kind, model, lm, return_hs=True)(x, -3)[0]
        text, frames = best.yseq[None, :-1], torch.tensor([20])
        with torch.no_grad():
            (_, hidden), _ = model.decoder(x[None], frames, text, torch.tensor([text.shape[1]]), return_hs=True)
        torch.testing.assert_close(torch.stack(best.hs), hidden[0, : len(best.hs)])


class Tensors(ScorerInterface):
    """A user's own scorer, which knows tensors only."""

    def score(self, y, state, x):
        assert y.dtype == torch.int64 and x.shape == (5, 3)
        return torch.log_softmax(x.sum() * torch.arange(4.0) + y[-1], dim=0), state

    def final_score(self, state):
        return torch.tensor(2.0)


class BatchTensors(Tensors, BatchScorerInterface):
    """The same, for hypotheses at once, by the interface's own method."""


@pytest.mark.parametrize("kind", [BeamSearch, BatchBeamSearch])
@pytest.mark.parametrize("scorer", [Tensors(), BatchTensors()])
def test_scorers_get_tensors_where_the_search_does(kind, scorer):
    search = kind({"own": scorer, "bonus": LengthBonus(4)}, {"own": 1.0, "bonus": 0.5}, 2, 4, sos=3, eos=3)
    best = search(torch.ones(5, 3, dtype=torch.float64), maxlenratio=-3)[0]
    assert best.score.dtype == torch.float64 and set(best.scores) == {"own", "bonus"}
    assert best.score.item() == pytest.approx(best.scores["own"].item() + 0.5 * best.scores["bonus"].item())
    arrays = kind({"bonus": LengthBonus(4)}, {"bonus": 0.5}, 2, 4, sos=3, eos=3)(np.ones((5, 3)), -3)[0]
    assert isinstance(arrays.yseq, np.ndarray) and isinstance(arrays.score, float)


def test_scorers_answer_in_tensors(models):
    model, _ = models
    x = torch.randn(9, model.decoder.size, generator=torch.Generator().manual_seed(2))
    ctc = CTCPrefixScorer(model.ctc, model.eos)
    state, y, ids = ctc.init_state(x), torch.tensor([model.sos]), torch.tensor([3, 5])
    scores, states = ctc.score_partial(y, ids, state, x)
    every, _ = ctc.batch_score_partial(y[None], ids[None], [state], x[None])
    torch.testing.assert_close(scores, every[0, ids])
    again, _ = ctc.score_partial(torch.tensor([model.sos, 5]), ids, ctc.select_state(states, 1), x)
    assert again.dtype == x.dtype and again.shape == (2,)
    assert LengthBonus(4).batch_score(y[None], [None], x[None])[0].tolist() == [[1.0] * 4]
