"""Language models: the ways to the same scores, and trained models against what upstream computed with them.

The numbers of untrained ones are compared with upstream's, and graphs with onnxruntime's, in the zoo.
"""

import json

import numpy as np
import pytest
import torch

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet2.export.steps import Steps
from espnet2.lm.abs_model import AbsLM
from espnet2.lm.espnet_model import ESPnetLanguageModel
from espnet2.lm.seq_rnn_lm import RNN_TYPES, SequentialRNNLM
from espnet2.lm.transformer_lm import TransformerLM
from espnet2.tasks.lm import LMTask

VOCABULARY = 11
MODELS = {
    **{name: (SequentialRNNLM, {"unit": 6, "nhid": 5, "rnn_type": name.lower()}) for name in RNN_TYPES},
    "tied": (SequentialRNNLM, {"unit": 6, "nlayers": 1, "tie_weights": True}),
    "transformer": (TransformerLM, {"embed_unit": 6, "att_unit": 8, "unit": 12, "layer": 2}),
    "sinusoidal": (TransformerLM, {"embed_unit": 6, "att_unit": 8, "unit": 12, "layer": 2, "pos_enc": "sinusoidal"}),
}
models = pytest.mark.parametrize("name", MODELS)


def model(name: str) -> AbsLM:
    torch.manual_seed(0)
    make, options = MODELS[name]
    return make(VOCABULARY, **options).eval()


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def steps_of(lm: AbsLM, batch: int) -> Steps:
    (component,) = lm.components()
    return Steps(TorchGraph(lm, component), batch)


@models
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("lowest", [0, 1])  # token 0 is the padding, which nothing may look at
@torch.no_grad()
def test_steps_of_a_reordered_beam_equal_forward(name, batch, lowest):
    lm, beam = model(name), 4
    steps, history = steps_of(lm, batch), torch.zeros(batch, 1, 0, dtype=torch.int64)
    for _ in range(20):
        parents = torch.randint(0, history.shape[1], (batch, beam))
        tokens = torch.randint(lowest, 4, (batch, beam))
        found = torch.from_numpy(steps(tokens.numpy(), parents.numpy()))
        before = history.gather(1, parents.unsqueeze(-1).expand(-1, -1, history.shape[2]))
        history = torch.cat((before, tokens.unsqueeze(-1)), dim=2)
        expected = lm(history.flatten(0, 1), None)[0][:, -1].log_softmax(-1)
        close(found.flatten(0, 1), expected)


@models
@torch.no_grad()
def test_scores_of_growing_hypotheses_equal_forward(name):
    lm = model(name)
    text = torch.randint(0, 4, (3, 7))
    expected = lm(text, None)[0].log_softmax(-1)
    states, state = [None] * 3, None
    for tokens in range(1, 8):
        found, states = lm.batch_score(text[:, :tokens], states, None)
        close(found, expected[:, tokens - 1])
        one, state = lm.score(text[1, :tokens], state, None)
        close(one, expected[1, tokens - 1])


@torch.no_grad()
def test_nothing_looks_at_padding():
    lm = model("transformer")
    text = torch.tensor([[3, 0, 5, 0, 0, 2, 7]])
    kept = text[:, text[0] != 0]
    close(lm(text)[0][:, text[0] != 0], lm(kept)[0])


@models
@torch.no_grad()
def test_text_goes_on_from_a_state(name):
    lm = model(name)
    text = torch.randint(1, VOCABULARY, (3, 6))
    _, state = lm(text[:, :4], None)
    if state is not None:  # a Transformer keeps none
        close(lm(text[:, 4:], state)[0], lm(text, None)[0][:, 4:])


@models
def test_declared_graph(name):
    (component,) = model(name).components()
    assert (component.name, component.method) == ("lm_step", "step")
    assert component.results[0].axes == ("batch", "beam", VOCABULARY)
    assert all(state.output.name == f"next_{state.input.name}" for state in component.states)
    appended = name in ("transformer", "sinusoidal")
    assert all(state.appended == ("rows" if appended else "") for state in component.states)
    assert all(("rows" if appended else "parent") in state.input.axes for state in component.states)


def test_weights_are_tied():
    lm = model("tied")
    assert lm.decoder.weight is lm.encoder.weight


@pytest.mark.parametrize(
    "make, options, message",
    [
        (SequentialRNNLM, {"rnn_type": "qrnn"}, "unknown rnn_type 'qrnn'; known ones: lstm, gru, rnn_tanh, rnn_relu"),
        (SequentialRNNLM, {"nhid": 7, "tie_weights": True}, "tie_weights needs nhid to equal unit: 7 and 650"),
        (TransformerLM, {"pos_enc": "rotary"}, "unknown pos_enc 'rotary'; known ones: sinusoidal, None"),
    ],
)
def test_what_cannot_be_built_is_refused(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(VOCABULARY, **options)


@models
@torch.no_grad()
def test_likelihood_of_padded_texts(name):
    whole = ESPnetLanguageModel(model(name), VOCABULARY).eval()
    texts, lengths = torch.randint(1, VOCABULARY - 1, (3, 8)), torch.tensor([6, 4, 1])
    texts[torch.arange(8) >= lengths.unsqueeze(1)] = 0
    nll, counts = whole.nll(texts, lengths)
    assert nll.shape == (3, 7)
    assert torch.equal(counts, lengths + 1)
    for row, length in enumerate(lengths):
        alone, _ = whole.nll(texts[row : row + 1], lengths[row : row + 1])
        close(nll[row, : length + 1], alone[0])
        assert not nll[row, length + 1 :].any()
    close(whole.batchify_nll(texts, lengths, batch_size=2)[0], nll)
    loss, statistics, weight = whole(texts, lengths)
    close(loss, nll.sum() / counts.sum())
    assert (statistics["loss"], weight) == (loss, counts.sum())


def test_parts_are_those_of_the_language_model():
    whole = ESPnetLanguageModel(model("GRU"), VOCABULARY)
    assert [(part is whole.lm, component.name) for part, component in whole.parts()] == [(True, "lm_step")]


@pytest.fixture(scope="module", params=["lm_transformer", "lm_rnn"])
def trained(request, fixtures_dir):
    """A trained model, and what upstream computed with it for a few texts, step by step and for whole texts."""
    directory, references = fixtures_dir / "models" / request.param, fixtures_dir / "refs"
    whole, _ = LMTask.build_model_from_file(directory / "config.yaml", directory / "valid.loss.ave.pth", "cpu")
    with np.load(references / f"{request.param}.npz") as arrays:
        tensors = {name: torch.from_numpy(value) for name, value in arrays.items() if "." in name}
    lines = (references / f"{request.param}.jsonl").read_text().splitlines()
    return whole.eval(), tensors, [json.loads(line) for line in lines]


@pytest.mark.parametrize("utterance", range(5))
@torch.no_grad()
def test_trained_model_equals_upstream(utterance, trained):
    whole, arrays, _ = trained
    text = arrays[f"{utterance}.yseq"].unsqueeze(0)
    close(whole.lm(text, None)[0][0].log_softmax(-1), arrays[f"{utterance}.full_logp"])
    steps = steps_of(whole.lm, 1)
    for token, expected in zip(text[0], arrays[f"{utterance}.step_logp"], strict=True):
        found = steps(np.array([[int(token)]]), np.zeros((1, 1), np.int64))
        close(torch.from_numpy(found[0, 0]), expected)


@torch.no_grad()
def test_likelihoods_equal_upstream(trained):
    whole, _, lines = trained
    texts = [torch.tensor(line["token_int"]) for line in lines]
    lengths = torch.tensor([len(text) for text in texts])
    nll, counts = whole.batchify_nll(torch.nn.utils.rnn.pad_sequence(texts, batch_first=True), lengths)
    for row, count, line in zip(nll, counts, lines, strict=True):
        close(row[:count], torch.tensor(line["nll"]))
