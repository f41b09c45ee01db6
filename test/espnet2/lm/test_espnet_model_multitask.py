"""The loss of answers: which tokens count, as probing upstream showed, and how they are weighted."""

import pytest
import torch

from espnet2.lm.espnet_model_multitask import ESPnetMultitaskLanguageModel
from espnet2.lm.seq_rnn_lm import SequentialRNNLM
from espnet2.lm.transformer_lm import TransformerLM

TOKENS = ["<blank>", "<unk>", "<generatetext>", "<generatespeech>", *"abcdef", "<sos/eos>"]
BOTH = torch.tensor([[10, 5, 2, 6, 7], [10, 4, 4, 2, 0]]), torch.tensor([5, 3])


def model(**options) -> ESPnetMultitaskLanguageModel:
    torch.manual_seed(0)
    lm = SequentialRNNLM(len(TOKENS), unit=8, nlayers=1)
    return ESPnetMultitaskLanguageModel(lm, len(TOKENS), TOKENS, **options).eval()


# A text, and where its answer begins among the tokens that follow the first two and the end.
ANSWERS = {
    "the first of two symbols counts": ([5, 2, 4, 3, 6, 7], 0),
    "however late it is": ([5, 3, 4, 2, 6, 7], 2),
    "of equal ones the first": ([10, 5, 2, 6, 2, 7], 1),
    "none: everything": ([10, 4, 5, 6, 7], 0),
    "the first token says nothing": ([2, 4, 5, 6, 7], 0),
}


@pytest.mark.parametrize(("text", "first"), ANSWERS.values(), ids=ANSWERS)
@torch.no_grad()
def test_answers(text, first):
    batch = torch.tensor([text]), torch.tensor([len(text)])
    nll, lengths = model().nll(*batch)
    loss, stats, weight = model()(*batch)
    assert lengths.tolist() == [len(text) - 1]
    assert weight.item() == 1
    torch.testing.assert_close(loss, nll[0, first:].sum())
    assert torch.equal(stats["loss"], loss)


@torch.no_grad()
def test_padding_and_normalisation():
    nll, lengths = model().nll(*BOTH)
    answers = nll[0, 1:].sum() + nll[1].sum()
    assert lengths.tolist() == [4, 2]
    assert nll[1, 2:].tolist() == [0.0, 0.0]
    torch.testing.assert_close(model()(*BOTH)[0], answers / 2)
    torch.testing.assert_close(model(length_normalized_loss=True)(*BOTH)[0], answers / 5)
    torch.testing.assert_close(model().batchify_nll(*BOTH, batch_size=1)[0], nll)


@torch.no_grad()
def test_label_smoothing():
    module, text = model(lsm_weight=0.1), torch.tensor([[10, 2, 5, 6, 7]])
    log_probs = module.lm(text[:, 1:], None)[0].log_softmax(-1)
    target = torch.full_like(log_probs, 0.1 / 10).scatter(2, torch.tensor([[5, 6, 7, 10]]).unsqueeze(-1), 0.9)
    expected = torch.nn.functional.kl_div(log_probs, target, reduction="sum")
    torch.testing.assert_close(module(text, torch.tensor([5]))[0], expected)


@pytest.mark.parametrize("options", [{"sos_syms": ["<nope>"]}, {"eos_sym": "<nope>"}])
def test_symbols_are_looked_up(options):
    with pytest.raises(ValueError, match="<nope>"):
        model(**options)


def test_graphs_are_those_of_the_language_model():
    lm = TransformerLM(len(TOKENS), layer=1, att_unit=8, unit=8)
    (part,) = ESPnetMultitaskLanguageModel(lm, len(TOKENS), TOKENS).parts()
    assert part[0] is lm
    assert part[1].name == "lm_step"
