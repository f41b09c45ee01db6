"""The positional convolution's weights load under the names of older releases."""

import torch

from espnet.nets.pytorch_backend.pretrained.names import FAIRSEQ, TORCHAUDIO
from espnet.nets.pytorch_backend.state_names import attach
from espnet.nets.pytorch_backend.transformer.positional_convolution import PositionalConv
from espnet2.torch_utils.checkpoint import load_state


def test_names_of_older_torchaudio():
    model = torch.nn.Module()
    attach(model, TORCHAUDIO.positions, PositionalConv(8, 4, 2, TORCHAUDIO.gain, TORCHAUDIO.direction))
    old = PositionalConv(8, 4, 2, FAIRSEQ.gain, FAIRSEQ.direction)
    load_state(model, {f"{TORCHAUDIO.positions}.{key}": value for key, value in old.state_dict().items()}, "old.pth")
    x = torch.rand(1, 5, 8)
    assert torch.equal(model.get_submodule(TORCHAUDIO.positions)(x), old(x))
