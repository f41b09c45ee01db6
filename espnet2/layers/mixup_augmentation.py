"""Mixup of recordings of a batch and their labels (Zhang et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor
from typeguard import typechecked

CONCENTRATION = 0.8  # both parameters of the beta distribution of a recording's share


class MixupAugment(torch.nn.Module):
    """Mix each recording with a random one of the batch, with probability `mixup_probability`."""

    @typechecked
    def __init__(self, mixup_probability: float):
        super().__init__()
        self.mixup_probability = mixup_probability
        self.share = torch.distributions.Beta(CONCENTRATION, CONCENTRATION)

    def forward(self, speech: Tensor, onehot: Tensor, speech_lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Samples (B, N), labels (B, V), lengths (B,) → the same of mixtures; of two lengths, the shorter one."""
        batch = len(speech)
        other = torch.randperm(batch, device=speech.device)
        mixed = torch.rand(batch, device=speech.device) < self.mixup_probability
        share = torch.where(mixed, self.share.sample((batch,)).to(speech.device), 1.0).unsqueeze(1)
        lengths = torch.where(mixed, torch.minimum(speech_lengths, speech_lengths[other]), speech_lengths)
        return share * speech + (1 - share) * speech[other], share * onehot + (1 - share) * onehot[other], lengths
