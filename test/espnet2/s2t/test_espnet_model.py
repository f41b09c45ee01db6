"""Training of models with prompts; losses are compared with upstream's by `test_training_zoo.py`."""

import pytest
import torch
import zoo_s2t
from zoo_calls import module_for
from zoo_data import Config, Row

INDEX = {token: index for index, token in enumerate(zoo_s2t.TOKENS)}
TEXT = ["<eng>", "<asr>", "<0.10>", "a", "b", "<0.90>"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    row = Row("s2t-training", "", Config(zoo_s2t.TASK, zoo_s2t.ROUND_TRIP["s2t"].keys), (), ())
    return module_for(row, tmp_path_factory.mktemp("model"))


def ids(*rows):
    lengths = torch.tensor([len(row) for row in rows])
    padded = torch.full((len(rows), max(lengths)), -1)
    for row, tokens in zip(padded, rows, strict=True):
        row[: len(tokens)] = torch.tensor([INDEX[token] for token in tokens])
    return padded, lengths


def outcome(model, previous, text=TEXT):
    speech = torch.sin(torch.arange(2600) / 7.0).expand(len(previous), -1)
    with torch.no_grad():
        _, stats, _ = model(
            speech,
            torch.full((len(previous),), 2600),
            *ids(*[text] * len(previous)),
            *ids(*previous),
            *ids(*[["a", "b"]] * len(previous)),
        )
    return {name: float(value) for name, value in stats.items()}


def test_a_text_with_na_stands_for_none(model):
    assert outcome(model, [["<na>"]]) == outcome(model, [["c", "<na>", "d"]])


def test_the_previous_text_is_read_and_not_written(model):
    """The loss of a batch is the mean of those alone, whatever the lengths of the previous texts."""
    alone = [outcome(model, [previous])["loss_att"] for previous in (["<na>"], ["c", "d", "e"])]
    together = outcome(model, [["<na>"], ["c", "d", "e"]])["loss_att"]
    assert alone[0] != pytest.approx(alone[1], abs=1e-4)
    assert together == pytest.approx(sum(alone) / 2, rel=1e-5)


def test_error_rates_count_what_is_behind_the_previous_text(model, monkeypatch):
    """A decoder that gives the right token at every position has no errors."""

    def decoder(hs, lengths, tokens, token_lengths):
        following = torch.roll(tokens, -1, dims=1)
        following[torch.arange(len(tokens)), token_lengths - 1] = model.eos
        return torch.nn.functional.one_hot(following, model.vocab_size).float(), token_lengths

    monkeypatch.setattr(type(model.decoder), "forward", lambda self, *given: decoder(*given))
    stats = outcome(model, [["c", "d"], ["<na>"]])
    assert (stats["cer"], stats["wer"], stats["acc"]) == (0.0, 0.0, 1.0)
