"""Labels of frames from labels of samples."""

from __future__ import annotations

import torch
from torch import Tensor
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet2.layers.stft import Stft


class LabelAggregate(torch.nn.Module):
    """Conversion of labels of samples to labels of frames, by majority.

    Args:
        win_length, hop_length: samples of a frame, and from one frame to the next.
        center: centre the first frame on the first sample, with samples mirrored at both ends, as `Stft` does.
    """

    @typechecked
    def __init__(self, win_length: int = 512, hop_length: int = 128, center: bool = True):
        super().__init__()
        self.framing = Stft(win_length, hop_length=hop_length, window=None, center=center)
        self.length = self.framing.length

    def forward(self, input: Tensor, ilens: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Labels 0 or 1 of samples (B, N, S) and lengths (B,) or None → labels of frames (B, T, S), zero beyond each
        utterance, and lengths (B,) or None."""
        labels = input.transpose(1, 2)
        lengths = None if ilens is None else ilens.repeat_interleave(labels.shape[1])
        padded = self.framing.pad(labels.flatten(0, 1), lengths).unflatten(0, labels.shape[:2])
        window, hop = self.framing.win_length, self.framing.hop_length
        frames = (padded.unfold(2, window, hop).sum(-1) > window // 2).to(input.dtype).transpose(1, 2)
        if ilens is None:
            return frames, None
        olens = self.length(ilens)
        return frames.masked_fill(make_pad_mask(olens, frames.shape[1]).unsqueeze(-1), 0), olens
