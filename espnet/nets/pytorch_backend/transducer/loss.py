"""The transducer's loss: the negative log-probability of a text, over all alignments (Graves 2012, section 2.4).

The lattice has a node for each pair of frames and labels consumed. All nodes of a diagonal, where the sum of both is
the same, are computed at once in T + U steps, so the diagonal is the first axis of the lattice's tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

IMPOSSIBLE = -1e30  # a log-probability whose differences are numbers


def transducer_loss(
    logits: Tensor,
    targets: Tensor,
    frames: Tensor,
    labels: Tensor,
    blank: int = 0,
    fastemit_lambda: float = 0.0,
    long_blanks: Mapping[int, int] | None = None,
    sigma: float = 0.0,
) -> Tensor:
    """Negative log-probabilities (B,) of the texts.

    Args:
        logits: (B, T, U + 1, V) joint network's output, not normalised.
        targets: (B, U) int64 labels; the padding behind an utterance's labels is not read.
        frames: (B,) frames of each utterance, at least 1.
        labels: (B,) labels of each utterance.
        blank: index of the blank.
        fastemit_lambda: additional weight of the labels' gradients (Yu et al. 2021, "FastEmit").
        long_blanks: index of each blank that lasts more than a frame → its number of frames (H. Xu et al. 2022,
            "Multi-blank transducers for speech recognition").
        sigma: subtracted from all log-probabilities, which favours alignments of few steps (ibid., section 3.3).
    """
    blanks = {blank: 1, **(long_blanks or {})}
    return _TransducerLoss.apply(logits, targets, frames, labels, blanks, fastemit_lambda, sigma)


class _TransducerLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        targets: Tensor,
        frames: Tensor,
        labels: Tensor,
        blanks: Mapping[int, int],
        fastemit_lambda: float,
        sigma: float,
    ) -> Tensor:
        _, length, width, _ = logits.shape
        scores = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
        norm = scores.logsumexp(dim=-1)
        index = pad(targets.clamp(min=0), (0, 1))[:, None, :, None].expand(-1, length, -1, -1)
        within = torch.arange(length, device=logits.device)[:, None] < frames[:, None, None]
        emits = within & (torch.arange(width, device=logits.device) < labels[:, None, None])

        def arcs(chosen: Tensor, allowed: Tensor) -> Tensor:
            return diagonals((chosen - norm - sigma).double().masked_fill(~allowed, IMPOSSIBLE))

        stay = [arcs(scores[..., each], within) for each in blanks]
        emit = arcs(scores.gather(-1, index).squeeze(-1), emits)
        durations = list(blanks.values())
        forward = _forward_scores(stay, emit, durations)
        total = forward[frames + labels, torch.arange(len(labels), device=labels.device), labels]
        ctx.save_for_backward(logits, norm, index, forward, emit, *stay, total, frames, labels)
        ctx.blanks, ctx.fastemit_lambda = blanks, fastemit_lambda
        return -total.to(norm.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        logits, norm, index, forward, emit, *stay, total, frames, labels = ctx.saved_tensors
        durations = list(ctx.blanks.values())
        backward = _backward_scores(stay, emit, durations, frames, labels)
        before = forward[: len(emit)] - total[:, None]
        length = logits.shape[1]

        def used(arc: Tensor, score_after: Tensor) -> Tensor:
            """Occupancy of an arc, from the loss's gradient: (B, T, U + 1)."""
            return (frames_of((before + arc + score_after).exp(), length) * grad[:, None, None]).to(norm.dtype)

        after_emit = pad(backward[1:, :, 1:], (0, 1), value=IMPOSSIBLE)[: len(emit)]
        emitted = used(emit, after_emit) * (1 + ctx.fastemit_lambda)
        stayed = [used(arc, backward[duration:][: len(emit)]) for arc, duration in zip(stay, durations, strict=True)]
        found = torch.exp(logits - norm.unsqueeze(-1)).mul_((emitted + sum(stayed)).unsqueeze(-1))
        for each, value in zip(ctx.blanks, stayed, strict=True):
            found[..., each] -= value
        found.scatter_add_(-1, index, -emitted.unsqueeze(-1))
        return found.to(logits.dtype), None, None, None, None, None, None


def _forward_scores(stay: list[Tensor], emit: Tensor, durations: list[int]) -> Tensor:
    """Forward log-probability of each node: (D + 1, B, U + 1)."""
    last, batch, width = emit.shape
    nodes = emit.new_full((last + 1, batch, width + 1), IMPOSSIBLE)  # with a column before the first
    nodes[0, :, 1] = 0.0
    here, before = nodes[..., 1:].unbind(), nodes[..., :-1].unbind()
    arcs = pad(emit[..., :-1], (1, 0), value=IMPOSSIBLE).unbind()
    steps = list(zip(durations, (arc.unbind() for arc in stay), strict=True))
    for number in range(1, last + 1):
        node = before[number - 1] + arcs[number - 1]
        for duration, arc in steps:
            if duration <= number:
                node = torch.logaddexp(node, here[number - duration] + arc[number - duration])
        here[number].copy_(node)
    return nodes[..., 1:]


def _backward_scores(stay: list[Tensor], emit: Tensor, durations: list[int], frames: Tensor, labels: Tensor) -> Tensor:
    """Backward log-probability of each node: (D + the longest duration, B, U + 1)."""
    last, batch, width = emit.shape
    nodes = emit.new_full((last + max(durations), batch, width + 1), IMPOSSIBLE)  # with a column behind the last
    nodes[frames + labels, torch.arange(batch, device=labels.device), labels] = 0.0
    here, behind, arcs = nodes[..., :-1].unbind(), nodes[..., 1:].unbind(), emit.unbind()
    steps = list(zip(durations, (arc.unbind() for arc in stay), strict=True))
    for number in reversed(range(last)):
        node = torch.logaddexp(here[number], arcs[number] + behind[number + 1])
        for duration, arc in steps:
            node = torch.logaddexp(node, arc[number] + here[number + duration])
        here[number].copy_(node)
    return nodes[..., :-1]


def diagonals(x: Tensor) -> Tensor:
    """Arcs (B, T, U + 1) by the sum of both numbers: (T + U, B, U + 1), impossible where there is no frame."""
    length, width = x.shape[1:]
    column = torch.arange(width, device=x.device)
    frame = torch.arange(length + width - 1, device=x.device)[:, None] - column
    outside = (frame < 0) | (frame >= length)
    return x[:, frame.clamp(0, length - 1), column].transpose(0, 1).masked_fill(outside[:, None], IMPOSSIBLE)


def frames_of(x: Tensor, length: int) -> Tensor:
    """The reverse of `diagonals`: (D, B, U + 1) → (B, T, U + 1)."""
    column = torch.arange(x.shape[2], device=x.device)
    frame = torch.arange(length, device=x.device)[:, None]
    return x.transpose(0, 1)[:, frame + column, column]
