"""CTC prefix scores: the log-probability that the text of a CTC output starts with a prefix.

S. Watanabe et al., "Hybrid CTC/attention architecture for end-to-end speech recognition", 2017, Algorithm 2, for all
running hypotheses at once as in H. Seki et al., "Vectorized beam search for CTC-attention-based speech recognition",
2019. Two observations make it cheap. The score of a candidate needs only the forward variables of the prefix that it
continues, and is a sum over frames of products, so all candidates are one matrix product. The forward variables of a
continued prefix are needed for the few that survive, and their recursion over frames is a cumulative sum.

In a stream, frames are added to an utterance while its prefixes grow. The forward variables of a prefix in the new
frames depend on the prefixes that it continues, so each keeps theirs of the last frame. Frames in which no prefix has
any probability left are dropped.

Shapes: H hypotheses, C candidates, T frames, V tokens; everything is a natural logarithm in float64.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LOG_ZERO = -1e10
_LOWEST = -1e4  # cumulative sums over an hour of frames keep nine decimals
_FLUSH = np.exp(-350.0)  # smaller factors count as zero: no product of two others is subnormal,
_EXACT = np.exp(-300.0)  # and sums above this have lost nothing to it
_NOTHING = 300.0  # nats: of two probabilities so far apart, a sum in double precision loses the smaller
_LONGEST = 1500  # frames that a stream keeps, though they are all blanks
_AHEAD = 5  # frames with a token that a window always has before it
_DEPTH = 64  # last tokens of a prefix whose alignment later frames may still change


class Ancestor(NamedTuple):
    """A prefix that another one continues, by its last `token`: log-probabilities of its having been emitted up to the
    last frame, and the token or a blank last; and the prefix that it continues itself."""

    parent: Ancestor | None
    token: int
    in_token: float
    in_blank: float


class Window(NamedTuple):
    """Frames [start, end) where a token may start, and the first and last frame that prefixes had come to."""

    start: int = 0
    end: int = 0
    first: int = 0
    last: int = 1


class PrefixState(NamedTuple):
    """A prefix before its forward variables are computed: what they follow from, and its score.

    `enter` (T,): log-probability that the last token may start at each frame; `first`: the same for the frame after
    which nothing but blanks was emitted, 0 for the empty prefix; `log_psi`: the prefix score, when it was chosen;
    `parent`: the prefix that it continues; `end`: the frame from which on only blanks may follow it, if there is one;
    `window`: where it was looked for, if not everywhere.
    """

    utterance: CTCPrefixScore
    enter: np.ndarray
    first: float
    token: int
    log_psi: float
    parent: Ancestor | None = None
    end: int | None = None
    window: Window | None = None


class PrefixScores(NamedTuple):
    """Scores of the continuations of H prefixes: log_psi (H, V), valid for `ids` (H, C) and the end symbol.

    `enter` (2, H, T) says where another token, or the prefix's `last` (H,) token again, may start. `parents`: the H
    prefixes; `window`: where the continuations were looked for, if not everywhere.
    """

    utterance: CTCPrefixScore
    ids: np.ndarray
    last: np.ndarray
    enter: np.ndarray
    log_psi: np.ndarray
    parents: Sequence[Ancestor]
    window: Window | None = None

    def select(self, i: int, token: int) -> PrefixState:
        """The prefix `i` continued with `token`; one that is impossible (a blank) has no continuation either."""
        log_psi = float(self.log_psi[i, token])
        enter = self.enter[int(token == self.last[i]), i]
        if log_psi <= LOG_ZERO:
            enter = np.full_like(enter, -np.inf)
        return PrefixState(self.utterance, enter, -np.inf, token, log_psi, self.parents[i], window=self.window)


class CTCPrefixScore:
    """Prefix scores of one utterance.

    Args:
        x: Log-probabilities of the CTC output, (T, V).
        blank: Index of the blank.
        eos: Index of the end symbol, whose score is that of the prefix being the whole text.
        margin: Frames beside those that the prefixes have reached where their continuations are looked for; 0: in all.
    """

    def __init__(self, x: np.ndarray, blank: int, eos: int, margin: int = 0) -> None:
        self._log_p = np.maximum(x, _LOWEST)
        self._p = np.exp(np.ascontiguousarray(self._log_p.T, dtype=np.float64))  # (V, T): a token's frames are adjacent
        self._p[self._p < _FLUSH] = 0.0
        self._blank = blank
        self._eos = eos
        self._margin = margin
        self._forgotten = 0  # frames of the utterance before those that are known

    def initial_state(self) -> PrefixState:
        """The empty prefix."""
        return PrefixState(self, np.full(len(self._log_p), -np.inf), 0.0, self._blank, 0.0)

    def __call__(self, ys: np.ndarray, ids: np.ndarray | None, states: Sequence[PrefixState]) -> PrefixScores:
        """Score the continuations of prefixes.

        Args:
            ys: Prefixes, (H, U), the start symbol first.
            ids: Candidate tokens, (H, C), or None for all tokens.
            states: State of each prefix.
        """
        after_token, after_blank = self._forward(states)
        after_any = np.logaddexp(after_token, after_blank)
        first = np.array([[state.first] for state in states])
        enter = np.stack([_delay(after_any, first), _delay(after_blank, first)])
        taken = ys.shape[1] - 1  # frames, by as many tokens, given ones (a primer) too
        enter[:, :, : max(0, taken - self._forgotten)] = -np.inf
        window = None
        if self._margin:
            window = self._window(after_any, states, taken)
            enter[:, :, : window.start] = enter[:, :, window.end :] = -np.inf
        last = ys[:, -1]
        columns = np.arange(self._p.shape[0])[None] if ids is None else ids
        repeated = _log_sum(enter[1] + self._log_p[:, last].T)
        psi = np.where(columns == last[:, None], repeated[:, None], self._log_psi(enter[0], ids))
        log_psi = np.full((len(ys), self._p.shape[0]), LOG_ZERO)
        np.put_along_axis(log_psi, np.broadcast_to(columns, psi.shape), np.maximum(psi, LOG_ZERO), axis=1)
        log_psi[:, self._blank] = LOG_ZERO
        log_psi[:, self._eos] = np.maximum(after_any[:, -1], LOG_ZERO)
        ends = zip(states, after_token[:, -1].tolist(), after_blank[:, -1].tolist(), strict=True)
        parents = [Ancestor(state.parent, state.token, *end) for state, *end in ends]
        return PrefixScores(self, columns, last, enter, log_psi, parents, window)

    @functools.cached_property
    def _spoken(self) -> np.ndarray:
        """Frames where a token is likelier than the blank, in order."""
        return np.flatnonzero(self._log_p.argmax(axis=1) != self._blank)

    def _window(self, after_any: np.ndarray, states: Sequence[PrefixState], taken: int) -> Window:
        """Windows of frames in which prefixes of `taken` tokens, with log-probabilities after_any (H, T), are
        continued.

        As upstream has it: `margin` frames to both sides of the frames where they most probably end, no later than
        those of the step before, and over a silence up to the fifth frame where CTC's best symbol is a token again.
        """
        # In single precision, as there: the first of frames that are alike is what counts.
        reached, before = after_any.astype(np.float32).argmax(axis=1), states[0].window or Window()
        first, last = max(int(reached.min()), before.first), max(int(reached.max()), before.last)
        start = min(before.last, max(first - self._margin, taken, 1)) if taken else 0
        fifths = self._spoken[np.searchsorted(self._spoken, last + 1) + _AHEAD - 1 :]
        fifth = int(fifths[0]) if len(fifths) else len(self._log_p)
        return Window(start, max(last + self._margin, fifth) + 1, first, last)

    def extend(self, x: np.ndarray, states: Sequence[PrefixState]) -> list[PrefixState]:
        """The prefixes in the utterance that goes on with log-probabilities x (T', V) of new frames."""
        new, parents = _enter_new(np.maximum(x, _LOWEST).astype(np.float64), self._blank, states)
        enter = np.concatenate([[state.enter for state in states], new], axis=1)
        first = np.array([[state.first] for state in states])
        old = min(_forgettable(np.concatenate([first, enter], axis=1)), len(self._log_p))
        if old:  # tokens in these frames come before the first frame that is kept
            first = np.logaddexp(*self._forward(states))[:, old - 1 : old]
        longer = self._continued(x, old)
        return [
            state._replace(utterance=longer, enter=known, first=before, parent=parent)
            for state, known, before, parent in zip(states, enter[:, old:], first[:, 0].tolist(), parents, strict=True)
        ]

    def extend_by_blanks(self, x: np.ndarray, states: Sequence[PrefixState]) -> list[PrefixState]:
        """`extend` as upstream has it: in new frames, only blanks follow the last token of a prefix.

        The probability is lost of prefixes that were found before they were spoken, and of tokens at the border.
        """
        longer, known = self._continued(x, 0), len(self._log_p)
        never = np.full(len(x), -np.inf)
        return [
            state._replace(
                utterance=longer,
                enter=np.concatenate([state.enter, never]),
                end=known if state.end is None else state.end,
            )
            for state in states
        ]

    def _continued(self, x: np.ndarray, old: int) -> CTCPrefixScore:
        """The utterance without its `old` first frames and with log-probabilities x (T', V) of new ones."""
        longer = CTCPrefixScore(x, self._blank, self._eos)
        longer._log_p = np.concatenate([self._log_p[old:], longer._log_p])
        longer._p = np.concatenate([self._p[:, old:], longer._p], axis=1)
        longer._forgotten = self._forgotten + old
        return longer

    def last_frame(self, state: PrefixState) -> int:
        """The frame where the last token of a prefix most probably starts."""
        return self._forgotten + int((state.enter + self._log_p[:, state.token]).argmax())

    def _forward(self, states: Sequence[PrefixState]) -> tuple[np.ndarray, np.ndarray]:
        """Log-probabilities (H, T) of a prefix having been emitted up to a frame: with its token last, and a blank."""
        tokens = [state.token for state in states]
        first = np.array([[state.first] for state in states])
        token_last = _occupy(np.stack([state.enter for state in states]), self._log_p[:, tokens].T)
        blank_last = _occupy(_delay(token_last, first), self._log_p[:, self._blank])
        for row, end in enumerate(state.end for state in states):
            if end is not None:
                token_last[row, end:] = -np.inf
                blank_last[row, end:] = blank_last[row, end - 1] + np.cumsum(
                    self._log_p[end:, self._blank], dtype=float
                )
        for row, window in enumerate(state.window for state in states):
            if window is not None:
                # Behind the window, every frame emits a blank.
                said = np.logaddexp(token_last[row, window.end - 1 :][:1], blank_last[row, window.end - 1 :][:1])
                token_last[row, window.end :] = -np.inf
                blank_last[row, window.end :] = said + np.cumsum(self._log_p[window.end :, self._blank], dtype=float)
        return token_last, blank_last

    def _log_psi(self, enter: np.ndarray, ids: np.ndarray | None) -> np.ndarray:
        """log sum_t exp(enter[h, t] + x[t, c]), (H, C) or (H, V), as a product of probabilities."""
        peak = np.maximum(enter.max(axis=1, keepdims=True), LOG_ZERO)
        weight = np.exp(enter - peak)
        weight[weight < _FLUSH] = 0.0
        mass = weight @ self._p.T if ids is None else np.matmul(self._p[ids], weight[:, :, None])[:, :, 0]
        psi = np.log(np.maximum(mass, _FLUSH)) + peak
        for h in np.flatnonzero((mass < _EXACT).any(axis=1) & (peak[:, 0] > LOG_ZERO)):
            rare = np.flatnonzero(mass[h] < _EXACT)
            columns = rare if ids is None else ids[h, rare]
            psi[h, rare] = _log_sum(enter[h] + self._log_p[:, columns].T)
        return psi


def _forgettable(mass: np.ndarray) -> int:
    """Frames at the beginning that may be forgotten; mass (H, 1 + T) is what prefixes have before them and in each."""
    peak = mass.max(axis=1, keepdims=True)
    known = mass[np.isfinite(peak[:, 0])] > peak[np.isfinite(peak)][:, None] - _NOTHING
    earliest = int(known.argmax(axis=1).min(initial=mass.shape[1] - 1)) if len(known) else 0
    return max(0, earliest - 1, mass.shape[1] - 1 - _LONGEST)


def _enter_new(
    log_p: np.ndarray, blank: int, states: Sequence[PrefixState]
) -> tuple[np.ndarray, list[Ancestor | None]]:
    """Log-probability that the last token of each prefix starts in new frames of log_p (T', V): (H, T'), and its
    ancestors.

    The forward recursion, frame by frame for the `_DEPTH` last ancestors of all prefixes at once.
    """
    chains = [_chain(state.parent) for state in states]
    depth = max(map(len, chains))
    token, in_token, in_blank = (np.full((len(states), depth), fill) for fill in (blank, -np.inf, -np.inf))
    for row, chain in enumerate(chains):  # the nearest ancestor comes last
        for column, ancestor in enumerate(chain, depth - len(chain)):
            token[row, column], in_token[row, column], in_blank[row, column] = ancestor[1:]
    again = np.column_stack([token[:, 1:], [state.token for state in states]]) == token
    enter = np.full((len(states), len(log_p)), -np.inf)
    for t, frame in enumerate(log_p if depth else ()):
        either = np.logaddexp(in_token, in_blank)
        leave = np.where(again, in_blank, either)
        enter[:, t] = leave[:, -1]
        arrive = np.concatenate([np.full((len(states), 1), -np.inf), leave[:, :-1]], axis=1)
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


def _delay(x: np.ndarray, first: np.ndarray) -> np.ndarray:
    """x (H, T) one frame later, with `first` (H, 1) in the first frame."""
    return np.concatenate([first, x[:, :-1]], axis=1)


def _log_sum(x: np.ndarray) -> np.ndarray:
    """log sum exp over the last axis; log-zero or less where every term is -inf."""
    peak = np.maximum(x.max(axis=-1, keepdims=True), LOG_ZERO)
    return np.log(np.maximum(np.exp(x - peak).sum(axis=-1), _FLUSH)) + peak[..., 0]


def _occupy(enter: np.ndarray, emit: np.ndarray) -> np.ndarray:
    """Solve r[t] = emit[t] + logaddexp(r[t - 1], enter[t]) with r[-1] = -inf for r, all (H, T).

    Without the emissions up to each frame, r is a cumulative sum of probabilities.
    """
    stay = np.cumsum(emit, axis=-1, dtype=np.float64)
    return stay + np.logaddexp.accumulate(enter - (stay - emit), axis=-1)
