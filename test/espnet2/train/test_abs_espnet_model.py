"""A user's own model needs upstream's two methods; what it lacks is said where it is exported."""

import pytest
import torch

from espnet2.asr.decoder.abs_decoder import AbsDecoder
from espnet2.interface.errors import ConfigError
from espnet2.lm.abs_model import AbsLM
from espnet2.train.abs_espnet_model import AbsESPnetModel


class Model(AbsESPnetModel):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 1)

    def collect_feats(self, x, x_lengths, **kwargs):
        return {"x": x, "x_lengths": x_lengths}

    def forward(self, x, x_lengths, **kwargs):
        loss = self.linear(x).mean()
        return loss, {"loss": loss.detach()}, torch.tensor(len(x))


def test_a_model_of_two_methods_trains():
    model = Model()
    batch = {"x": torch.ones(2, 3, 2), "x_lengths": torch.tensor([3, 2])}
    loss, stats, weight = model(**batch)
    loss.backward()
    assert weight == 2 and stats["loss"] == loss and model.linear.weight.grad is not None
    assert model.collect_feats(**batch)["x"].shape == (2, 3, 2)


def test_a_model_without_them_is_none():
    with pytest.raises(TypeError, match="abstract"):
        type("Empty", (AbsESPnetModel,), {})()


class Decoder(AbsDecoder):
    def forward(self, hs_pad, hlens, ys_in_pad, ys_in_lens):
        return hs_pad, ys_in_lens


class LM(AbsLM):
    def forward(self, input, hidden):
        return input, hidden


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: Model().parts(), "Model: expected parts"),
        (lambda: Decoder().components(), "Decoder: expected components"),
        (lambda: LM().components(), "LM: expected components"),
    ],
)
def test_graphs_are_missed_in_one_sentence(ask, message):
    with pytest.raises(ConfigError, match=message):
        ask()
