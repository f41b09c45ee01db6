"""States and weights of attentions; their outputs are compared with upstream's in the zoo."""

import pytest
import torch

from espnet.nets.pytorch_backend.rnn.attention_parts import Frames
from espnet.nets.pytorch_backend.rnn.attentions import ATTENTIONS, initial_att

LENGTHS = torch.tensor([9, 4])
FRAMES, BEAM, MEMORY, QUERY = 9, 3, 5, 7


def _steps(atype: str, count: int = 3):
    """An attention's contexts and states after each step from zeros, for a padded batch."""
    torch.manual_seed(0)
    attention = initial_att(atype, MEMORY, QUERY, aheads=2, adim=4, awin=2, aconv_chans=3, aconv_filts=2)
    memory = attention.start(torch.randn(len(LENGTHS), FRAMES, MEMORY))
    frames = Frames.of(LENGTHS, memory[0])
    sizes = [(n, FRAMES if size == "frames" else int(size)) for n, size in attention.states.values()]
    states = tuple(torch.zeros(n, len(LENGTHS), BEAM, size) for n, size in sizes)
    for _ in range(count):
        context, states = attention.step(torch.randn(len(LENGTHS), BEAM, QUERY), memory, frames, states)
        yield context, dict(zip(attention.states, states, strict=True))


@pytest.mark.parametrize("atype", ATTENTIONS)
@torch.no_grad()
def test_states_keep_their_shapes_and_padding_stays_zero(atype):
    for step, (context, states) in enumerate(_steps(atype), start=1):
        assert context.shape == (len(LENGTHS), BEAM, MEMORY)
        for name in states.keys() & {"attention", "coverage"}:
            assert states[name][:, 1, :, LENGTHS[1] :].eq(0).all()
            # Differences from uniform weights sum to nothing, and each step adds weights of 1 to the coverage.
            total = torch.tensor(float(step) if name == "coverage" else 0.0)
            torch.testing.assert_close(states[name].sum(-1), total.expand(states[name].shape[:-1]))


@torch.no_grad()
def test_no_attention_is_the_mean_of_real_frames():
    torch.manual_seed(0)
    encoded = torch.randn(len(LENGTHS), FRAMES, MEMORY)
    attention = initial_att("noatt", MEMORY, QUERY, 1, 1, 1, 1, 0)
    memory = attention.start(encoded)
    context, _ = attention.step(torch.zeros(len(LENGTHS), BEAM, QUERY), memory, Frames.of(LENGTHS, memory[0]), ())
    for row, length in enumerate(LENGTHS):
        torch.testing.assert_close(context[row], encoded[row, :length].mean(0).expand(BEAM, -1))


@torch.no_grad()
def test_location2d_drops_the_oldest_weights():
    first, second, third = (states["attention"] for _, states in _steps("location2d"))
    assert first[0].eq(0).all()
    assert torch.equal(second[0], first[1])
    assert torch.equal(third[0], second[1])
