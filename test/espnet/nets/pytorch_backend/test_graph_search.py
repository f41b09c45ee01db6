"""Searches that are loops of a graph against those of `espnet.nets`."""

import numpy as np
import pytest
import torch

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.beam_search_transducer import BeamSearchTransducer
from espnet.nets.ctc_greedy import GreedyCTC
from espnet.nets.hypothesis import Hypothesis
from espnet.nets.pytorch_backend.graph_search import ctc_prefix
from espnet.nets.pytorch_backend.graph_search.ctc_greedy import FramedText, greedy_search
from espnet.nets.pytorch_backend.graph_search.label_synchronous import (
    LabelSynchronousSearch,
    LabelSynchronousStep,
    SearchSizes,
)
from espnet.nets.pytorch_backend.graph_search.limits import Limits
from espnet.nets.pytorch_backend.graph_search.scorers import SteppedModule
from espnet.nets.pytorch_backend.graph_search.transducer_alsd import TransducerALSDSearch, TransducerALSDStep
from espnet.nets.pytorch_backend.graph_search.transducer_greedy import TransducerGreedySearch, TransducerGreedyStep
from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet.nets.scorers.ctc import CTCGraph, CTCPrefixScorer
from espnet.nets.scorers.length_bonus import LengthBonus
from espnet.nets.scorers.step import StepScorer
from espnet.nets.transducer_options import TransducerOptions
from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.rnn_decoder import RNNDecoder
from espnet2.asr.decoder.transducer_decoder import TransducerDecoder
from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
from espnet2.asr_transducer.joint_network import JointNetwork
from espnet2.lm.seq_rnn_lm import SequentialRNNLM
from espnet2.lm.transformer_lm import TransformerLM

V, D, BEAM, LENGTHS = 12, 8, 4, (17, 9, 3)
SOS = V - 1


def sharpened(module: torch.nn.Module, factor: float = 3.0) -> torch.nn.Module:
    """A module of random weights whose scores are far apart."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(factor)
    return module.eval()


def scorers_of(decoder: str, lm: str) -> dict[str, torch.nn.Module]:
    torch.manual_seed(7)
    made = {
        "transformer": lambda: TransformerDecoder(V, D, 2, 8, 2),
        "rnn": lambda: RNNDecoder(V, D, hidden_size=8, att_conf={"adim": 6, "aconv_filts": 3}),
        "transformer_lm": lambda: TransformerLM(V, None, 8, 8, 2, 8, 1),
        "rnn_lm": lambda: SequentialRNNLM(V, 8, 8, 1),
    }
    wanted = {"decoder": decoder, "lm": lm}
    return {name: sharpened(made[kind](), 1.5) for name, kind in wanted.items() if kind}


def component_of(module: torch.nn.Module, end: str):
    return next(c for c in module.components() if c.name.endswith(end))


CASES = [
    ("transformer", "", 0.3, {}),
    ("transformer", "transformer_lm", 0.3, {"penalty": 0.5, "maxlenratio": -6.0}),
    ("transformer", "rnn_lm", 0.5, {"normalize_length": True, "minlenratio": 0.3, "maxlenratio": 0.7}),
    ("rnn", "transformer_lm", 0.3, {}),
    ("", "rnn_lm", 1.0, {"penalty": 1.0}),
    ("transformer", "", 0.0, {"maxlenratio": 0.5}),
]


@pytest.mark.parametrize(("decoder", "lm", "ctc_weight", "options"), CASES)
@torch.no_grad()
def test_label_synchronous_search(decoder, lm, ctc_weight, options):
    modules, ctc = scorers_of(decoder, lm), sharpened(CTC(V, D))
    encoder_out = 2.0 * torch.randn(len(LENGTHS), max(LENGTHS), D)
    lengths = torch.tensor(LENGTHS)
    ratios = [options.get(name, 0.0) for name in ("maxlenratio", "minlenratio")]
    weights = {"decoder": 1.0 - ctc_weight, "ctc": ctc_weight, "lm": 0.4, "length_bonus": options.get("penalty", 0.0)}

    steps = {name: SteppedModule(m, component_of(m, "step")) for name, m in modules.items()}
    memory = {"memory_lengths": lengths}
    if decoder:
        start = component_of(modules["decoder"], "start")
        memory |= zip((t.name for t in start.outputs), modules["decoder"].start(encoder_out), strict=True)
    only = decoder == "rnn"
    sizes = SearchSizes(BEAM, 6 if decoder else 0, V, SOS, SOS, 0, only)
    names = list(memory) if decoder else []
    search = LabelSynchronousSearch(LabelSynchronousStep(sizes, steps, True, names), BEAM)
    given = {"ctc_weight": ctc_weight, "lm_weight": 0.4, **options}
    limits = Limits.of({name: torch.tensor([value]) for name, value in given.items()}, lengths)
    found = search(limits, lengths, max(LENGTHS), ctc.log_softmax(encoder_out), memory)

    for row, length in enumerate(LENGTHS):
        scorers = {
            "ctc": CTCPrefixScorer(CTCGraph(TorchGraph(ctc, ctc.components()[0])), SOS),
            "length_bonus": LengthBonus(V),
        }
        for name, module in modules.items():
            graphs = {c.name: TorchGraph(module, c) for c in module.components()}
            step = next(graph for key, graph in graphs.items() if key.endswith("step"))
            scorers[name] = StepScorer(step, graphs.get("decoder_start"))
        reference = BatchBeamSearch(
            scorers,
            weights,
            BEAM,
            V,
            SOS,
            SOS,
            pre_beam_score_key="full" if decoder else None,
            normalize_length=options.get("normalize_length", False),
        )
        reference.candidates_only = only
        expected = reference(encoder_out[row, :length].numpy(), *ratios)[:BEAM]
        count = int((found.score[row] > -np.inf).sum())
        assert count == len(expected)
        for place, hypothesis in enumerate(expected):
            text = found.text[row, place, : found.length[row, place]].tolist()
            assert [SOS, *text, SOS] == hypothesis.yseq.tolist()
            assert float(found.score[row, place]) == pytest.approx(hypothesis.score, abs=1e-4)


def transducer(rnn_type: str = "lstm") -> tuple[TransducerDecoder, JointNetwork, dict[str, TorchGraph]]:
    """A prediction and a joint network, and their graphs."""
    torch.manual_seed(1)
    decoder = sharpened(TransducerDecoder(V, rnn_type=rnn_type, num_layers=2, hidden_size=8))
    joint = sharpened(JointNetwork(V, D, 8, 8))
    return decoder, joint, {c.name: TorchGraph(m, c) for m in (decoder, joint) for c in m.components()}


def search_of(graphs: dict[str, TorchGraph], beam: int, **options: object) -> BeamSearchTransducer:
    named = (graphs[name] for name in ("decoder_step", "joint_start", "joint_step"))
    return BeamSearchTransducer(*named, beam, V, SOS, options=TransducerOptions(**options))


def require_same(found: FramedText, row: int, place: int, expected: Hypothesis) -> None:
    count = int(found.length[row, place])
    assert found.text[row, place, :count].tolist() == expected.yseq[1:].tolist()
    spans = zip(*(x[row, place, :count].tolist() for x in (found.start, found.end)), strict=True)
    assert tuple(spans) == expected.frames
    assert float(found.score[row, place]) == pytest.approx(expected.score, abs=1e-4)


@torch.no_grad()
def test_greedy_transducer_search():
    decoder, joint, graphs = transducer()
    encoder_out, lengths = 3.0 * torch.randn(3, 40, D), (40, 21, 1)
    step = TransducerGreedyStep(SteppedModule(decoder, decoder.components()[0]), joint, 0)
    found = TransducerGreedySearch(step)(encoder_out, torch.tensor(lengths))
    assert max(found.length) > 3
    for row, length in enumerate(lengths):
        (expected,) = search_of(graphs, 1)(encoder_out[row, :length].numpy())
        require_same(FramedText(*(field.unsqueeze(1) for field in found)), row, 0, expected)


@pytest.mark.parametrize(("rnn_type", "u_max", "score_norm"), [("lstm", 50, True), ("gru", 3, False)])
@torch.no_grad()
def test_alignment_length_synchronous_search(rnn_type, u_max, score_norm):
    decoder, joint, graphs = transducer(rnn_type)
    encoder_out, lengths = 3.0 * torch.randn(3, 20, D), (20, 9, 1)
    step = TransducerALSDStep(SteppedModule(decoder, decoder.components()[0]), joint, 0, BEAM, BEAM)
    options = torch.tensor([u_max]), torch.tensor([score_norm])
    found = TransducerALSDSearch(step)(encoder_out, torch.tensor(lengths), *options)
    for row, length in enumerate(lengths):
        search = search_of(graphs, BEAM, search_type="alsd", u_max=u_max, score_norm=score_norm, nbest=BEAM)
        expected = search(encoder_out[row, :length].numpy())
        assert int((found.score[row] > -np.inf).sum()) == len(expected)
        for place, hypothesis in enumerate(expected):
            require_same(found, row, place, hypothesis)


@torch.no_grad()
def test_greedy_ctc_search():
    torch.manual_seed(1)
    log_probs, lengths = (4.0 * torch.randn(4, 30, 5)).log_softmax(dim=-1), (30, 17, 1, 5)
    log_probs[3, :, 0] = 0.0
    found = greedy_search(log_probs, torch.tensor(lengths), 0)
    for row, length in enumerate(lengths):

        class Known:
            def log_softmax(self, x, row=row, length=length):
                return log_probs[row : row + 1, :length].numpy()

        (expected,) = GreedyCTC(Known(), SOS, SOS)(np.zeros((length, 1), np.float32))
        count = int(found.length[row])
        assert found.text[row, :count].tolist() == expected.yseq[1:-1].tolist()
        spans = zip(found.start[row, :count].tolist(), found.end[row, :count].tolist(), strict=True)
        assert tuple(spans) == expected.frames
        assert float(found.score[row]) == pytest.approx(expected.score, abs=1e-5)


@pytest.mark.parametrize("size", [1, 16, 37, 300])
def test_cumulative_sums_of_any_size(size):
    x = 500.0 * torch.randn(3, size, dtype=torch.float64)
    x[0, : size // 2] = ctc_prefix.NEVER
    expected = np.logaddexp.accumulate(x.numpy(), axis=-1)
    assert np.allclose(ctc_prefix.log_cumulative_sum(x).numpy(), expected, rtol=1e-12, atol=1e-6)
