"""Transducer searches made from modules, by upstream's names and keywords, against upstream's n-best lists."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import zoo
import zoo_calls
from transducer_tables import BLANK_BIAS, FRAMES, LM_WEIGHT, SHARPNESS, Table
from zoo_rows import MODEL, VOCABULARY

from espnet2.asr.decoder.transducer_decoder import TransducerDecoder
from espnet2.asr.transducer.beam_search_transducer import BeamSearchTransducer, Hypothesis
from espnet2.asr.transducer.beam_search_transducer_streaming import BeamSearchTransducerStreaming
from espnet2.asr.transducer.error_calculator import ErrorCalculatorTransducer
from espnet2.asr_transducer import beam_search_transducer as standalone
from espnet2.asr_transducer import utils
from espnet2.asr_transducer.error_calculator import ErrorCalculator
from espnet2.lm.seq_rnn_lm import SequentialRNNLM
from espnet2.lm.transformer_lm import TransformerLM

GOLDEN = Path(__file__).parents[3] / "golden" / "transducer"
KINDS = {
    "cases.json": ("transducer-lstm", BeamSearchTransducer),
    "standalone.json": ("labels-rnn-lstm", standalone.BeamSearchTransducer),
}
CASES = [(name, case) for name in KINDS for case in json.loads((GOLDEN / name).read_text())[::3]]


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    directory = tmp_path_factory.mktemp("modules")
    joint = zoo_calls.module_for(zoo.ROWS["joint-default"], directory)
    joint.lin_out.weight.data *= SHARPNESS
    joint.lin_out.bias.data[0] += BLANK_BIAS
    return {name: (zoo_calls.module_for(zoo.ROWS[row], directory), joint) for name, (row, _) in KINDS.items()}


def encoded(seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(seed).standard_normal((FRAMES, MODEL)).astype(np.float32))


@pytest.mark.parametrize(("name", "case"), CASES)
def test_nbest_equals_upstream(modules, name, case):
    lm = Table() if case["lm"] else None
    search = KINDS[name][1](*modules[name], lm=lm, lm_weight=LM_WEIGHT, **{"nbest": 100, **case["options"]})
    for seed, expected in enumerate(case["nbest"]):
        found = search(encoded(seed))[: len(expected)]
        assert [hypothesis.yseq for hypothesis in found] == [yseq for yseq, _ in expected]
        np.testing.assert_allclose([hypothesis.score for hypothesis in found], [s for _, s in expected], atol=1e-4)


def require_same(found, expected):
    """Frames that are looked at in one call differ between a stream and the whole, and so does rounding."""
    assert [hypothesis.yseq for hypothesis in found] == [hypothesis.yseq for hypothesis in expected]
    assert [hypothesis.score for hypothesis in found] == pytest.approx([h.score for h in expected], abs=1e-5)


@pytest.mark.parametrize("search_type", ["default", "tsd", "alsd", "nsc", "maes"])
def test_a_stream_finds_what_the_whole_has(modules, search_type):
    options = {"beam_size": 3, "search_type": search_type, "nstep": 2, "nbest": 3}
    whole = BeamSearchTransducer(*modules["cases.json"], **options)(encoded(0))
    stream = BeamSearchTransducerStreaming(*modules["cases.json"], **options)
    for _ in range(2):
        stream(encoded(0)[:5])
        require_same(stream(encoded(0), start_idx=5, is_final=True, incremental_decode=True), whole)
    pieces = standalone.BeamSearchTransducer(*modules["standalone.json"], beam_size=3, streaming=True)
    pieces(encoded(1)[:6], is_final=False)
    together = standalone.BeamSearchTransducer(*modules["standalone.json"], beam_size=3)(encoded(1))
    require_same(pieces(encoded(1)[6:]), together)


def test_searches_over_graphs_answer_in_kind(modules):
    search = BeamSearchTransducer(*modules["cases.json"], beam_size=3).search
    (found, *_), (expected, *_) = search(encoded(0)), search(encoded(0).numpy())
    assert found.yseq.dtype == torch.int64 and found.yseq.tolist() == expected.yseq.tolist()
    assert isinstance(expected.yseq, np.ndarray) and found.score.item() == pytest.approx(expected.score)


@pytest.mark.parametrize("make", [lambda: SequentialRNNLM(VOCABULARY, 4), lambda: TransformerLM(VOCABULARY, layer=1)])
@torch.no_grad()
def test_language_models_are_modules(modules, make):
    torch.manual_seed(0)
    lm = make().eval()
    decoder, joint = modules["cases.json"]
    (alone,) = BeamSearchTransducer(decoder, joint, beam_size=3, search_type="maes", nstep=2)(encoded(0))
    (fused,) = BeamSearchTransducer(decoder, joint, beam_size=3, lm=lm, lm_weight=1.0, search_type="maes", nstep=2)(
        encoded(0)
    )
    assert fused.score < alone.score or fused.yseq != alone.yseq


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam_size": 12}, "beam_size.*11.*12"),
        ({"beam_size": 2, "search_type": "tsd", "max_sym_exp": 1}, "max_sym_exp.*1"),
        ({"beam_size": 2, "search_type": "alsd", "u_max": -2}, "u_max.*-2"),
        ({"beam_size": 2, "search_type": "maes", "expansion_beta": 2.3}, "expansion_beta.*2.3"),
        ({"beam_size": 2, "search_type": "foo"}, "search_type.*foo"),
    ],
)
def test_what_is_refused(modules, options, message):
    with pytest.raises(AssertionError, match=message):
        standalone.BeamSearchTransducer(*modules["standalone.json"], **options)


def test_equal_sequences_become_one(modules):
    search = standalone.BeamSearchTransducer(*modules["standalone.json"], 2, nbest=1)
    hypotheses = [standalone.Hypothesis(score, [0, 1]) for score in (0.0, 12.0)]
    (one,) = search.recombine_hyps(hypotheses)
    assert one.score == np.logaddexp(0.0, 12.0)
    assert search.sort_nbest([one, standalone.Hypothesis(13.0, [0, 2])])[0].yseq == [0, 2]


@torch.no_grad()
def test_decoder_reads_label_by_label_what_forward_reads_at_once():
    torch.manual_seed(0)
    for rnn_type in ("lstm", "gru"):
        decoder = TransducerDecoder(5, rnn_type=rnn_type, num_layers=2, hidden_size=4).eval()
        expected, cache = decoder(torch.tensor([[0, 3, 2]]))[0], {}
        hypothesis = Hypothesis(0.0, [0], decoder.init_state(1))
        for place, label in enumerate([3, 2, None]):
            out, state, last = decoder.score(hypothesis, cache)
            torch.testing.assert_close(out, expected[place])
            hypothesis = dataclasses.replace(hypothesis, yseq=[*hypothesis.yseq, label], dec_state=state)
        assert last.tolist() == [2] and list(cache) == ["0", "0_3", "0_3_2"]
        start = decoder.init_state(2)
        pair = [Hypothesis(0.0, [label], decoder.select_state(start, 0)) for label in (0, 4)]
        outs, states, labels = decoder.batch_score(pair, start, {}, use_lm=True)
        assert outs.shape == (2, 4) and states[0].shape == (2, 2, 4) and labels.tolist() == [[0], [4]]
        torch.testing.assert_close(outs[0], expected[0])


def test_error_rates_are_those_of_the_search(modules):
    symbols = ["<blank>", "<space>", *"abcdefghi"], "<space>", "<blank>"
    frames, lengths = torch.stack([encoded(0), encoded(1)]), torch.tensor([14, 13])
    search = standalone.BeamSearchTransducer(*modules["standalone.json"], 2, search_type="maes", nstep=2)
    best = [search(x[:length])[0].yseq[1:] for x, length in zip(frames, lengths, strict=True)]
    assert any(best)
    target = torch.zeros(2, max(map(len, best)), dtype=torch.int64)
    for row, labels in zip(target, best, strict=True):
        row[: len(labels)] = torch.tensor(labels)
    alone = ErrorCalculator(*modules["standalone.json"], *symbols, report_cer=True)
    assert alone(frames, target, lengths) == (0.0, None)
    others = ErrorCalculatorTransducer(*modules["cases.json"], *symbols, report_cer=True, report_wer=True)
    cer, wer = others(frames, target)
    assert 0.0 < cer <= 1.0 and wer == 1.0
    assert ErrorCalculatorTransducer(*modules["cases.json"], *symbols)(frames, target) == (None, None)
    assert others.convert_to_char([[2, 3, 1, 0]], [[2, 4, 0, 1]]) == (["ab "], ["ac "])
    assert others.calculate_cer(["ab"], ["ac"]) == 0.5 and others.calculate_wer(["ab"], ["ac"]) == 1.0


def test_masks_and_targets_of_scripts():
    assert utils.make_source_mask(torch.tensor([1, 2])).tolist() == [[False, True], [False, False]]
    assert utils.make_chunk_mask(4, 2, 1).int().tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [0] * 4, [0] * 4]
    assert utils.make_chunk_mask(6, 2, 1)[5].int().tolist() == [1, 1, 0, 0, 0, 0]
    labels = torch.tensor([[1, 2, -1, -1], [4, 1, 2, -1]])
    read, target, frames, lengths = utils.get_transducer_task_io(labels, torch.tensor([9, 8]))
    assert read.tolist() == [[0, 1, 2, 0], [0, 4, 1, 2]] and target.tolist() == [[1, 2, 0], [4, 1, 2]]
    assert frames.tolist() == [9, 8] and lengths.tolist() == [2, 3] and target.dtype == torch.int32
    assert utils.check_short_utt(4, 6) == (True, 7) and utils.check_short_utt(6, 11) == (False, -1)
