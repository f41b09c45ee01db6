"""CTC prefix scores as `espnet.nets.ctc_prefix_score` has them, on tensors.

S. Watanabe et al., "Hybrid CTC/attention architecture for end-to-end speech recognition", 2017, Algorithm 2. The score
of a token after a prefix is a sum over the frames where it may start; the forward variables of the longer prefix are
needed for the few that survive. Their recursion over frames is a cumulative sum of probabilities.

Shapes: B utterances, K prefixes of each, C tokens after each, T frames, V tokens; natural logarithms in float64, but
for the CTC output. Exponentials that are summed and become a logarithm again are in float32. A prefix's forward
variables (B, K, 2, T) are the log-probabilities that it has been emitted up to a frame, with its last token last, and
with a blank last.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.graph_search.loops import rows_of

LOG_ZERO = -1e10  # score of what is impossible
NEVER = -1e30  # logarithm of zero, with which sums are numbers
LOWEST = -1e4  # log-probability of a token in a frame
BLOCK = 16  # frames of a block of sums


def log_add(a: Tensor, b: Tensor) -> Tensor:
    """log(exp(a) + exp(b))."""
    return torch.maximum(a, b) + torch.log1p(torch.exp(-(a - b).abs()))


def log_cumulative_sum(x: Tensor) -> Tensor:
    """Logarithm of the sums of exp(x) up to each element of the last axis: of those in its block, and of all blocks
    before."""
    size = x.shape[-1]
    count = (size + BLOCK - 1) // BLOCK
    padded = nn.functional.pad(x, (0, count * BLOCK - size), value=NEVER)
    within = _log_sums(padded.view(*x.shape[:-1], count, BLOCK))
    before = _log_sums(within[..., -1])
    before = torch.cat((torch.full_like(before[..., :1], NEVER), before[..., :-1]), dim=-1)
    return log_add(within, before.unsqueeze(-1)).flatten(-2)[..., :size]


def _log_sums(x: Tensor) -> Tensor:
    """`log_cumulative_sum` by a sum for each element: N * N exponentials of x (..., N)."""
    place = torch.arange(x.shape[-1], device=x.device)
    seen = torch.where(place <= place.unsqueeze(1), x.unsqueeze(-2), NEVER)
    peak = seen.amax(dim=-1, keepdim=True)
    return (seen - peak).float().exp().sum(dim=-1).log().double() + peak.squeeze(-1)


def occupied(enter: Tensor, emit: Tensor) -> Tensor:
    """Solve r[t] = emit[t] + log_add(r[t - 1], enter[t]) with r[-1] = NEVER for r, all (..., T)."""
    stay = emit.cumsum(dim=-1)
    return stay + log_cumulative_sum(enter - (stay - emit))


def by_token(log_probs: Tensor, lengths: Tensor, blank: int) -> Tensor:
    """CTC output log_probs (B, T, V) of lengths (B,), with nothing but blanks behind the end, as (B, V, T)."""
    frames, tokens = (torch.arange(size, device=log_probs.device) for size in log_probs.shape[1:])
    silence = torch.where(tokens == blank, 0.0, LOWEST).to(log_probs.dtype)
    inside = (frames < lengths.unsqueeze(1)).unsqueeze(2)
    return torch.where(inside, log_probs.clamp(min=LOWEST), silence).transpose(1, 2).contiguous()


def empty_prefix(blanks: Tensor, count: int) -> Tensor:
    """Forward variables (B, count, 2, T) of the empty prefix, from the blank's log-probabilities (B, T)."""
    emitted = blanks.double().cumsum(dim=-1)
    both = torch.stack((torch.full_like(emitted, NEVER), emitted), dim=1)
    return both.unsqueeze(1).expand(-1, count, -1, -1).contiguous()


def starts_of(emitted: Tensor, is_empty: Tensor) -> Tensor:
    """Log-probabilities (B, K, 2, T) that another token, or the last one again, may start at each frame.

    Args:
        emitted: forward variables (B, K, 2, T).
        is_empty: (B,) bool, whether prefixes have no token yet.
    """
    token, blank = emitted.unbind(dim=2)
    both = torch.stack((log_add(token, blank), blank), dim=2)
    first = torch.where(is_empty, 0.0, NEVER).double().view(-1, 1, 1, 1).expand(*both.shape[:3], 1)
    return torch.cat((first, both[..., :-1]), dim=-1)


def ends_of(emitted: Tensor) -> Tensor:
    """Scores (B, K) of prefixes as whole texts."""
    return log_add(*emitted[..., -1].unbind(dim=2)).clamp(min=LOG_ZERO)


def scores_of(starts: Tensor, tokens: Tensor, last: Tensor, table: Tensor, blank: int) -> Tensor:
    """Scores (B, K, C) of prefixes continued by tokens (B, K, C), whose last one is last (B, K).

    Args:
        starts: of `starts_of`.
        table: of `by_token`.
    """
    peak, weights = _weights(starts)
    mass = torch.matmul(rows_of(table, tokens).double().exp(), weights.transpose(-1, -2))
    mass = torch.where(tokens == last.unsqueeze(-1), mass[..., 1], mass[..., 0])
    return _scores(mass, peak, tokens == blank)


def scores_of_all(starts: Tensor, last: Tensor, table: Tensor, probs: Tensor, blank: int) -> Tensor:
    """`scores_of` for all tokens: (B, K, V); probs (B, T, V) float64 is the exponential of the table, transposed."""
    peak, weights = _weights(starts)
    mass, tokens = torch.matmul(weights[:, :, 0], probs), torch.arange(table.shape[1], device=table.device)
    again = (weights[:, :, 1] * rows_of(table, last).double().exp()).sum(dim=-1, keepdim=True)
    return _scores(torch.where(tokens == last.unsqueeze(-1), again, mass), peak, tokens == blank)


def _weights(starts: Tensor) -> tuple[Tensor, Tensor]:
    """Largest log-probability (B, K, 1) of a start, and probabilities (B, K, 2, T) divided by its probability."""
    peak = starts[:, :, 0].amax(dim=-1, keepdim=True)
    return peak, torch.exp(starts - peak.unsqueeze(-1))


def _scores(mass: Tensor, peak: Tensor, is_blank: Tensor) -> Tensor:
    possible = (mass > 0.0) & ~is_blank
    score = torch.where(possible, mass, 1.0).log() + peak
    return torch.where(possible, score.clamp(min=LOG_ZERO), LOG_ZERO)


def continued(
    starts: Tensor, chosen: Tensor, is_again: Tensor, is_possible: Tensor, emits: Tensor, blanks: Tensor
) -> Tensor:
    """Forward variables (B, K, 2, T) of prefixes that go on with a token.

    Args:
        starts: of `starts_of`, for the prefixes before.
        chosen: (B, K) int64, which of these each continues.
        is_again: (B, K) bool, whether its token is the last one again.
        is_possible: (B, K) bool, whether it can be emitted at all.
        emits: (B, K, T), the token's log-probabilities.
        blanks: (B, T), the blank's.
    """
    enter = rows_of(starts.flatten(1, 2), chosen * 2 + is_again)
    enter = torch.where(is_possible.unsqueeze(-1), enter, NEVER)
    token = occupied(enter, emits.double())
    before = torch.cat((torch.full_like(token[..., :1], NEVER), token[..., :-1]), dim=-1)
    blank = occupied(before, blanks.double().unsqueeze(1).expand_as(token))
    return torch.stack((token, blank), dim=2)
