"""A generator and a discriminator of a few parameters, batches for them, and ways to train them.

`tools/make_gan_trainer_golden.py` trains them with upstream's trainer.
"""

from __future__ import annotations

import torch

CASES = {
    "default": {},
    "generator-first": {"generator_first": True},
    "clipped": {"grad_clip": 0.1, "grad_clip_type": 1.0},
    "not-finite": {"bad_batch": 1},
    "schedules": {"schedules": True},
}
BATCHES = 4


class ToyGAN(torch.nn.Module):
    """Moves points (B, 2) to where the discriminator takes them for others."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.generator = torch.nn.Linear(2, 2)
        self.discriminator = torch.nn.Linear(2, 1)

    def forward(self, points, forward_generator=True):
        made = self.generator(points)
        if forward_generator:
            loss = self.discriminator(made).square().mean() + made.mean()
            stats = {"generator_loss": loss.detach(), "generator_mean": made.mean().detach()}
        else:
            loss = (self.discriminator(made.detach()) - self.discriminator(points)).mean() * points.mean()
            stats = {"discriminator_loss": loss.detach()}
        weight = torch.tensor(float(len(points)))
        return {"loss": loss, "stats": stats, "weight": weight, "optim_idx": 0 if forward_generator else 1}


def batches(bad_batch=None):
    """Batches of 2 and 3 points in turn; in the bad one they are not numbers."""
    found = []
    for index in range(BATCHES):
        points = torch.arange(4.0 + 2 * (index % 2)).view(-1, 2) - index
        points = points * float("nan") if index == bad_batch else points
        found.append((list("abc")[: len(points)], {"points": points}))
    return found


def optimizers(model):
    """An optimiser of each part."""
    generator = torch.optim.Adam(model.generator.parameters(), lr=0.1)
    return [generator, torch.optim.SGD(model.discriminator.parameters(), lr=0.2, momentum=0.5)]
