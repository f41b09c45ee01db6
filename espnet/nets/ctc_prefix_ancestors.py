"""The prefixes that a CTC prefix continues, whose forward variables a stream's new frames depend on.

Shapes: H hypotheses, T frames, V tokens; everything is a natural logarithm in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_DEPTH = 64  # last tokens of a prefix whose alignment later frames may still change


class Ancestor(NamedTuple):
    """A prefix that another one continues, by its last `token`: log-probabilities of its having been emitted up to the
    last frame, and the token or a blank last; and the prefix that it continues itself."""

    parent: Ancestor | None
    token: int
    in_token: float
    in_blank: float


def enter_new(
    log_p: np.ndarray, blank: int, last: Sequence[int], parents: Sequence[Ancestor | None]
) -> tuple[np.ndarray, list[Ancestor | None]]:
    """Log-probability that the last (H,) token of each prefix starts in new frames of log_p (T', V): (H, T'), and the
    prefixes that they continue.

    The forward recursion, frame by frame for the `_DEPTH` last ancestors of all prefixes at once.
    """
    chains = [_chain(parent) for parent in parents]
    depth = max(map(len, chains))
    token, in_token, in_blank = (np.full((len(last), depth), fill) for fill in (blank, -np.inf, -np.inf))
    for row, chain in enumerate(chains):  # the nearest ancestor comes last
        for column, ancestor in enumerate(chain, depth - len(chain)):
            token[row, column], in_token[row, column], in_blank[row, column] = ancestor[1:]
    again = np.column_stack([token[:, 1:], last]) == token
    enter = np.full((len(last), len(log_p)), -np.inf)
    for t, frame in enumerate(log_p if depth else ()):
        either = np.logaddexp(in_token, in_blank)
        leave = np.where(again, in_blank, either)
        enter[:, t] = leave[:, -1]
        arrive = np.concatenate([np.full((len(last), 1), -np.inf), leave[:, :-1]], axis=1)
        in_token, in_blank = np.logaddexp(in_token, arrive) + frame[token], either + frame[blank]
    after = np.stack([in_token, in_blank], axis=-1).tolist()
    return enter, [_linked(chain, ends[depth - len(chain) :]) for chain, ends in zip(chains, after, strict=True)]


def _chain(ancestor: Ancestor | None) -> list[Ancestor]:
    """The `_DEPTH` last of the prefixes up to `ancestor`, the longest last."""
    chain: list[Ancestor] = []
    while ancestor is not None and len(chain) < _DEPTH:
        chain.append(ancestor)
        ancestor = ancestor.parent
    return chain[::-1]


def _linked(chain: Sequence[Ancestor], ends: Sequence[Sequence[float]]) -> Ancestor | None:
    """The last of a chain of prefixes whose log-probabilities in the last frame have become `ends`."""
    linked = None
    for ancestor, (in_token, in_blank) in zip(chain, ends, strict=True):
        linked = Ancestor(linked, ancestor.token, in_token, in_blank)
    return linked
