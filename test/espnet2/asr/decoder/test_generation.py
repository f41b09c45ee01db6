"""The search that stands for transformers' generate gives what that gives, over the same tiny random models."""

import types

import numpy as np
import pytest
import torch
import transformers
import zoo
import zoo_calls

from espnet.nets.generation import Generation, GenerationRules
from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet.nets.scorers.step import StepScorer
from espnet2.asr.decoder.hugging_face_transformers_decoder import FAMILIES
from espnet2.interface.errors import OptionError
from espnet2.interface.spec import Component, Tensor
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search import make_search
from espnet2.runtime.search_model import SearchModel, SearchSection

START, END = 2, 4
MEMORY = np.random.default_rng(0).standard_normal((3, 31, 16)).astype(np.float32)
# What generate is told, with the names that ours have.
RULES = {
    "greedy": {},
    "one-token": {"max_new_tokens": 1},
    "beams": {"num_beams": 3},
    "early": {"num_beams": 4, "early_stopping": True},
    "long": {"num_beams": 3, "length_penalty": 2.0, "max_new_tokens": 12},
    "short": {"num_beams": 3, "length_penalty": -1.0},
    "forced": {"num_beams": 2, "forced_bos_token_id": 5, "forced_eos_token_id": END, "max_new_tokens": 7},
    "ngrams": {"num_beams": 3, "no_repeat_ngram_size": 2},
    "greedy-ngrams": {"no_repeat_ngram_size": 3},
    "ends": {"num_beams": 3, "eos_token_id": [END, 6, 9]},
    "greedy-ends": {"eos_token_id": [END, 6]},
}


def _decoder(name: str, directory) -> torch.nn.Module:
    """The row's decoder, with weights of such a size that texts end and differ."""
    decoder = zoo_calls.module_for(zoo.ROWS[name], directory)
    with torch.no_grad():
        decoder.lm_head.weight.mul_(0.7)
    return decoder


def _ours(decoder, rules: GenerationRules, memory: np.ndarray) -> list[int]:
    start, step = (TorchGraph(decoder.eval(), component) for component in decoder.components())
    return Generation(StepScorer(step, start), rules)(memory)[0].yseq[1:].tolist()


def _theirs(decoder, options: dict, memory: np.ndarray) -> list[int]:
    """Generate with transformers' own model and the decoder's weights, up to the end symbol."""
    config = decoder.decoder.config
    network = getattr(transformers, FAMILIES[decoder.causal_lm]).from_config(config).eval()
    inner = network.base_model if decoder.causal_lm else network.get_decoder()
    inner.load_state_dict(decoder.decoder.state_dict())
    network.set_output_embeddings(decoder.lm_head)
    hidden = decoder.linear_in(torch.from_numpy(memory)[None])
    given = {"encoder_outputs": transformers.modeling_outputs.BaseModelOutput(hidden)}
    if decoder.causal_lm:
        hidden = torch.cat([decoder.prefix, hidden, decoder.postfix], dim=1)
        given = {"inputs_embeds": hidden, "attention_mask": torch.ones(hidden.shape[:2], dtype=torch.long)}
    network.generation_config = transformers.GenerationConfig(
        **{"max_new_tokens": 20, "decoder_start_token_id": START, "eos_token_id": END, "pad_token_id": 1, **options}
    )
    with torch.no_grad():
        tokens = network.generate(**given)[0].tolist()
    tokens, ends = tokens if decoder.causal_lm else tokens[1:], np.atleast_1d(options.get("eos_token_id", END))
    return tokens[: next((index for index, token in enumerate(tokens) if token in ends), len(tokens)) + 1]


@pytest.mark.filterwarnings("ignore:Passing `no_repeat_ngram_size` with `inputs_embeds`")
@pytest.mark.parametrize("options", [pytest.param(options, id=name) for name, options in RULES.items()])
@pytest.mark.parametrize("name", ["hugging_face-bart-separate", "hugging_face-mbart", "hugging_face-llama-prompt"])
def test_same_text_as_generate(name, options, tmp_path):
    decoder = _decoder(name, tmp_path)
    if decoder.causal_lm:
        options = {key: value for key, value in options.items() if not key.startswith("forced_bos")}
    rules = GenerationRules(START, **{"eos_token_id": END, "reads_start": not decoder.causal_lm, **options})
    for memory in MEMORY:
        assert _ours(decoder, rules, memory) == _theirs(decoder, options, memory)


def test_tied_scores_are_scaled(tmp_path):
    decoder = _decoder("hugging_face-t5", tmp_path)
    rules = GenerationRules(START, END, num_beams=3, scale=decoder.decoder.config.d_model**-0.5)
    for memory in MEMORY:
        assert _ours(decoder, rules, memory) == _theirs(decoder, {"num_beams": 3}, memory)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("num_beams", value) for value in (0, "4", 2.0, True)),
        *(("max_new_tokens", value) for value in (0, None)),
        *(("eos_token_id", value) for value in ([], [4, "5"], -1)),
        ("decoder_start_token_id", [1]),
        ("forced_bos_token_id", "x"),
        ("forced_eos_token_id", [-2]),
        ("early_stopping", "never"),
        ("length_penalty", float("nan")),
        ("no_repeat_ngram_size", -1),
        ("scale", 0.0),
        ("reads_start", None),
    ],
)
def test_bad_rules_are_refused(name, value):
    with pytest.raises(ValueError, match=f"^{name}: expected .*, found "):
        GenerationRules(**{"decoder_start_token_id": START, "eos_token_id": END, name: value})


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize(
    ("rules", "length"), [({"no_repeat_ngram_size": 1}, 5), ({"forced_bos_token_id": 99}, 0)], ids=["ngrams", "forced"]
)
def test_texts_end_where_every_token_is_forbidden(rules, length, beams):
    scorer = types.SimpleNamespace(
        batch_init_state=lambda x: None,
        select_state=lambda states, index: None,
        batch_score=lambda ys, states, xs: (np.zeros((len(ys), 6)), None),
    )
    found = Generation(scorer, GenerationRules(START, 77, num_beams=beams, **rules))(MEMORY[0])
    assert 1 <= len(found) <= beams
    assert all(len(hypothesis.yseq) == 1 + length for hypothesis in found)


def _search(generation: dict, conf: dict | None = None):
    component = Component("step", "step", (), (Tensor("log_probs", ("batch", "beam", "tokens")),))
    graph = types.SimpleNamespace(component=component)
    section = SearchSection(16000, [*"abc"], dict.fromkeys(("blank", "sos", "eos"), 0), generation=generation)
    model = SearchModel({"decoder_step": graph, "decoder_start": graph}, section)
    return make_search(model, DecodeOptions(hugging_face_decoder=True, hugging_face_decoder_conf=conf))


GIVEN = {"decoder_start_token_id": 2, "eos_token_id": 2, "reads_start": True, "forced_eos_token_id": 2}


def test_rules_of_the_model_and_of_the_user():
    rules = _search({**GIVEN, "max_length": 200, "do_sample": False}, {"num_beams": 4}).rules
    assert rules == GenerationRules(2, 2, num_beams=4, max_new_tokens=199, forced_eos_token_id=2)
    assert _search({**GIVEN, "max_length": 200}, {"max_new_tokens": 5}).rules.max_new_tokens == 5


@pytest.mark.parametrize(
    ("generation", "conf", "sentence"),
    [
        ({}, {}, "hugging_face_decoder.*transformers"),
        ({**GIVEN, "do_sample": True}, {}, r"hugging_face_decoder_conf\.do_sample.*num_beams"),
        ({**GIVEN, "reads_start": False, "max_length": 99}, {}, "max_length.*max_new_tokens"),
        ({**GIVEN, "trained_start_token_id": 3}, {}, "start with token 3.*2"),
        (GIVEN, {"num_beams": 0}, "hugging_face_decoder_conf: num_beams.*0"),
        (GIVEN, {"max_length": "20"}, "hugging_face_decoder_conf: max_length.*'20'"),
        ({"eos_token_id": 2, "reads_start": True}, {}, "decoder_start_token_id.*none"),
        ({"decoder_start_token_id": 2}, {}, "eos_token_id.*none"),
        (GIVEN, {7: 1}, r"hugging_face_decoder_conf\.7"),
    ],
)
def test_rules_that_cannot_be_kept_are_refused(generation, conf, sentence):
    with pytest.raises(OptionError, match=sentence):
        _search(generation, conf)
