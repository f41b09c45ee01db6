"""Searches and streams that eight threads share find what they find one after the other."""

import dataclasses
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import zoo
import zoo_calls
from zoo_rows import MODEL, VOCABULARY

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet.nets.scorers.ngram import NgramFullScorer
from espnet.nets.transducer_searches import SEARCHES
from espnet2.export.trace import export_component
from espnet2.interface.spec import Component, Tensor
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search import make_search, make_streaming_search
from espnet2.runtime.search_model import SearchModel, SearchSection
from espnet2.runtime.session import OnnxGraph

THREADS = 8
LENGTHS = (9, 12, 7, 10)
BLOCKS = {"search_block_size": 8, "search_hop_size": 4, "search_look_ahead": 2}
GENERATION = {"decoder_start_token_id": 9, "eos_token_id": 3, "num_beams": 3, "max_new_tokens": 12}

# Rows of the zoo that a recogniser is made of.
HYBRID = ("ctc-default", "decoder-default", "rnn_lm-lstm")
MASKED = ("ctc-tiny", "mlm-tiny")
TRANSDUCER = ("transducer-lstm", "joint-default")

# Name: parts, options, and rules of the model's own.
WHOLE: dict[str, tuple] = {
    "joint": (HYBRID, {"ctc_weight": 0.3}, {}),
    "attention": (HYBRID, {"ctc_weight": 0.0}, {}),
    "ctc": (HYBRID, {"ctc_weight": 1.0, "lm_weight": 0.0}, {}),
    "time_sync": (HYBRID, {"time_sync": True}, {}),
    "ctc_greedy": (HYBRID, {"ctc_greedy": True}, {}),
    "partial_ar": (HYBRID, {"partial_ar": True, "threshold_probability": 1.0}, {}),
    "streaming": (HYBRID, {"streaming": True, **BLOCKS}, {}),
    "hugging_face_decoder": (HYBRID, {"hugging_face_decoder": True}, GENERATION),
    "mask_ctc": (MASKED, {"maskctc_threshold_probability": 1.0, "maskctc_n_iterations": 3}, {}),
    "standalone": (TRANSDUCER, {}, {"standalone": True, "search_type": "maes", "nstep": 2}),
}
BLANKS = {"multi_blank_durations": [1], "multi_blank_indices": [0]}
WHOLE |= {
    f"transducer-{name}": (TRANSDUCER, {"transducer_conf": {"search_type": name, **BLANKS}}, {}) for name in SEARCHES
}
STREAMS = {
    name: WHOLE[name]
    for name in ("joint", "time_sync", "ctc_greedy", "transducer-default", "transducer-maes", "transducer-greedy")
}


class TinyMasked(torch.nn.Module):
    """A masked language model that does not read the encoder output."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(VOCABULARY + 1, VOCABULARY + 1)

    def components(self) -> tuple[Component, ...]:
        tokens, frames = ("batch", "tokens"), ("batch", "frames", MODEL)
        lengths = {"tokens": ("token_lengths", ("batch",), "int64"), "frames": ("memory_lengths", ("batch",), "int64")}
        inputs = (
            Tensor("tokens", tokens, "int64", below=VOCABULARY + 1),
            Tensor(*lengths["tokens"], length_of="tokens"),
            Tensor("encoder_out", frames),
            Tensor(*lengths["frames"], length_of="frames"),
        )
        return (Component("mlm", "forward", inputs, (Tensor("scores", (*tokens, VOCABULARY + 1)),)),)

    def forward(self, tokens, token_lengths, encoder_out, memory_lengths):
        counts = token_lengths.sum() + memory_lengths.sum() + encoder_out.sum()
        return self.embed(tokens) + self.embed(tokens).mean(1, keepdim=True) + 0 * counts


@pytest.fixture(scope="module")
def modules(tmp_path_factory) -> dict:
    """Module and component by the component's name and its row's."""
    torch.manual_seed(0)
    directory = tmp_path_factory.mktemp("modules")
    built = {name: zoo_calls.module_for(zoo.ROWS[name], directory) for name in (*HYBRID, *TRANSDUCER)}
    built["mlm-tiny"], built["ctc-tiny"] = TinyMasked().eval(), built["ctc-default"]
    return {(row, component.name): (m, component) for row, m in built.items() for component in m.components()}


@pytest.fixture(scope="module")
def graphs(modules, demo_bundle, tmp_path_factory) -> dict:
    """Graphs of both back ends; on onnxruntime, hybrid models are the demo model, which needs no export."""
    directory, bundle = tmp_path_factory.mktemp("graphs"), Bundle.load(demo_bundle)
    demo = {name: bundle.graph(name) for name in bundle.components}
    made = {
        ("torch", row, name): TorchGraph(module.eval(), component)
        for (row, name), (module, component) in modules.items()
    }
    made |= {("onnx", row, name): demo[name] for row, name in modules if row in HYBRID}
    for (row, name), part in modules.items():
        if row not in HYBRID:
            made["onnx", row, name] = OnnxGraph(export_component(*part, directory / f"{row}-{name}.onnx"), part[1])
    return made


@pytest.fixture
def many_switches():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


@dataclasses.dataclass
class Model:
    """A model, and encoder outputs for its search."""

    model: SearchModel
    encoded: list[np.ndarray]


@pytest.fixture(params=["torch", "onnx"])
def model(request, graphs):
    """Makes a model of rows of the zoo, rules of its own, and an n-gram scorer for some tokens."""

    def make(rows, generation, ngram=None) -> Model:
        mine = {name: graph for (kind, row, name), graph in graphs.items() if kind == request.param and row in rows}
        vocabulary = mine["ctc" if "ctc" in mine else "joint_step"].component.outputs[0].axes[-1]
        width = mine["ctc" if "ctc" in mine else "joint_start"].component.inputs[0].axes[-1]
        special = {"blank": 0, "sos": vocabulary - 1, "eos": vocabulary - 1}
        tokens = [f"t{number}" for number in range(vocabulary)]
        if "mlm" in mine:
            tokens, special = [*tokens, "<mask>"], {**special, "mask": vocabulary}
        scorer = None if ngram is None else ngram(tokens)
        noise = (np.random.RandomState(seed).standard_normal((frames, width)) for seed, frames in enumerate(LENGTHS))
        section = SearchSection(16000, tokens, special, generation=generation)
        return Model(SearchModel(mine, section, ngram=scorer), [(3 * x).astype(np.float32) for x in noise])

    return make


def described(hypotheses) -> list:
    return [(hypothesis.yseq.tolist(), pytest.approx(hypothesis.score, abs=1e-6)) for hypothesis in hypotheses]


def compare(recognise) -> None:
    """`recognise` takes the number of an utterance."""
    numbers = [*range(len(LENGTHS))] * (THREADS // len(LENGTHS))
    alone = [described(recognise(number)) for number in range(len(LENGTHS))]
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(recognise, numbers))
    assert [[(h.yseq.tolist(), h.score) for h in nbest] for nbest in found] == [alone[number] for number in numbers]


@pytest.mark.parametrize("name", WHOLE)
def test_threads_share_a_search(model, name, many_switches):
    rows, options, generation = WHOLE[name]
    made = model(rows, generation)
    search = make_search(made.model, DecodeOptions(beam_size=3, **options))
    compare(lambda number: search(made.encoded[number]))


@pytest.mark.parametrize("name", STREAMS)
def test_threads_have_streams_of_their_own(model, name, many_switches):
    rows, options, generation = STREAMS[name]
    made, wanted = model(rows, generation), DecodeOptions(beam_size=3, **options)

    def recognise(number: int):
        stream = make_streaming_search(made.model, wanted, (8, 4, 2))
        *pieces, last = np.split(made.encoded[number], [3, 4, 6])
        for piece in pieces:
            stream(piece, 0.0, 0.0, False)
        return stream(last, 0.0, 0.0, True)

    compare(recognise)


def test_threads_share_an_ngram_model(model, tmp_path, many_switches):
    pytest.importorskip("kenlm")

    def ngram(tokens):
        words = ["<unk>", "<s>", "</s>", *tokens]
        lines = "".join(f"-{1 + number / 100}\t{word}\n" for number, word in enumerate(words))
        (tmp_path / "lm.arpa").write_text(f"\\data\\\nngram 1={len(words)}\n\n\\1-grams:\n{lines}\n\\end\\\n")
        return NgramFullScorer(tmp_path / "lm.arpa", tokens)

    made = model(HYBRID, {}, ngram)
    search = make_search(made.model, DecodeOptions(beam_size=3, ngram_weight=0.7))
    compare(lambda number: search(made.encoded[number]))
