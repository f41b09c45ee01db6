"""The transducer's loss: the negative log-probability of a text, over all alignments (Graves 2012, section 2.4)."""

from __future__ import annotations

import torch
from torch import Tensor

IMPOSSIBLE = -1e30  # a log-probability whose differences are numbers


def transducer_loss(
    logits: Tensor, targets: Tensor, frames: Tensor, labels: Tensor, blank: int = 0, fastemit_lambda: float = 0.0
) -> Tensor:
    """Negative log-probabilities (B,) of the texts.

    All states of the lattice whose frame and label numbers have one sum are computed at once, so that there are T + U
    steps of the recursion.

    Args:
        logits: (B, T, U + 1, V) joint network's output, not normalised.
        targets: (B, U) int64 labels; what lies behind an utterance's labels is not looked at.
        frames: (B,) frames of each utterance, at least 1.
        labels: (B,) labels of each utterance.
        blank: index of the blank.
        fastemit_lambda: by how much more than the blanks' the labels' gradients count (Yu et al. 2021, "FastEmit").
    """
    log_probs = logits.float().log_softmax(dim=-1)
    batch, length, width, _ = log_probs.shape
    index = targets.clamp(min=0)[:, None, :, None].expand(-1, length, -1, -1)
    emit = log_probs[:, :, :-1].gather(-1, index).squeeze(-1)
    emit = emit + fastemit_lambda * (emit - emit.detach())
    stay, emit = log_probs[..., blank], torch.nn.functional.pad(emit, (0, 1), value=IMPOSSIBLE)
    column = torch.arange(width, device=logits.device)
    first = torch.where(column == 0, 0.0, IMPOSSIBLE)
    after_blank, after_label = first.expand(batch, -1), torch.full_like(stay[:, 0], IMPOSSIBLE)
    total = torch.full_like(stay[:, 0, 0], IMPOSSIBLE)
    for diagonal in range(length + width - 1):
        frame = diagonal - column
        alpha = torch.logaddexp(after_blank, after_label)
        alpha = torch.where((frame >= 0) & (frame < length), alpha, IMPOSSIBLE)
        place = frame.clamp(0, length - 1)
        after_blank = alpha + stay[:, place, column]
        after_label = torch.nn.functional.pad((alpha + emit[:, place, column])[:, :-1], (1, 0), value=IMPOSSIBLE)
        ended = after_blank.gather(1, labels[:, None]).squeeze(1)
        total = torch.where(frames + labels - 1 == diagonal, ended, total)
    return -total
