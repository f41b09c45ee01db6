"""Processing of gradients before a step."""

import torch

from espnet2.torch_utils.add_gradient_noise import add_gradient_noise


def noise(step, seed):
    model = torch.nn.ParameterList([torch.zeros(500), torch.zeros(500), torch.zeros(1)])
    for parameter in model[:2]:
        parameter.grad = torch.zeros(500)
    torch.rand(step + 1)  # what else is drawn differs from process to process
    add_gradient_noise(model, step, seed=seed)
    return torch.stack([parameter.grad for parameter in model[:2]])


def test_noise_depends_on_seed_and_step_alone():
    assert torch.equal(noise(3, 1), noise(3, 1))
    for other in (noise(4, 1), noise(3, 2)):
        assert not torch.equal(noise(3, 1), other)
    first, second = noise(3, 1)
    assert not torch.equal(first, second)
    assert abs(noise(0, 1).std() - 1) < 0.1
    assert abs(noise(100, 1).std() - 2**-0.55) < 0.1
