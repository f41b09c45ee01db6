"""CTC prefix scores: the log-probability that the text of a CTC output starts with a prefix.

S. Watanabe et al., "Hybrid CTC/attention architecture for end-to-end speech recognition", 2017, Algorithm 2, for all
running hypotheses at once as in H. Seki et al., "Vectorized beam search for CTC-attention-based speech recognition",
2019. Two observations make it cheap. The score of a candidate needs only the forward variables of the prefix that it
continues, and is a sum of products over the few frames where that may go on, so all candidates are one matrix product.
The forward variables of a continued prefix are needed for the few that survive; `Odds` has their recursion over frames
in plain arithmetic, and what its range does not hold is computed with logarithms here.

In a stream, frames are added to an utterance while its prefixes grow. The forward variables of a prefix in the new
frames depend on the prefixes that it continues, so each keeps theirs of the last frame. Frames in which no prefix has
any probability left are dropped.

Shapes: H hypotheses, C candidates, T frames, n of them from where prefixes may go on, V tokens; natural logarithms in
float64, but for the CTC output, which stays as it is.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from espnet.nets.ctc_prefix_ancestors import Ancestor, enter_new
from espnet.nets.ctc_prefix_odds import LEAST_BLANK, RARE, Emitted, Logarithms, Odds, near

LOG_ZERO = -1e10
_LOWEST = -1e4  # cumulative sums over an hour of frames keep nine decimals
_LEAST = -300.0  # smaller factors are no matter, and products with them might be subnormal
_FLUSH = np.exp(-350.0)
_NOTHING = 300.0  # nats: of two probabilities so far apart, a sum in double precision loses the smaller
_LONGEST = 1500  # frames that a stream keeps, though they are all blanks
_AHEAD = 5  # frames with a token that a window always has before it


class Window(NamedTuple):
    """Frames [start, end) where a token may start, and the first and last frame that prefixes had come to."""

    start: int = 0
    end: int = 0
    first: int = 0
    last: int = 1


class PrefixState(NamedTuple):
    """A prefix before its forward variables are computed: what they follow from, and its score.

    `starts`: where the last token may start, which is row `row`, `again` if it is the token before, too; `first`:
    log-probability of that for the frame after which nothing but blanks was emitted, 0 for the empty prefix; `log_psi`:
    the prefix score, when it was chosen; `parent`: the prefix that it continues; `possible`: whether the known frames
    may start with it; `end`: the frame from which on only blanks may follow it, if there is one; `window`: where it was
    looked for, if not everywhere.
    """

    utterance: CTCPrefixScore
    starts: Odds | Logarithms
    row: int
    again: bool
    first: float
    token: int
    log_psi: float
    parent: Ancestor | None = None
    possible: bool = True
    end: int | None = None
    window: Window | None = None

    @property
    def enter(self) -> np.ndarray:
        """Log-probability (T,) that the last token may start at each frame."""
        return self.starts.enter(self.row, self.again) if self.possible else np.full(self.utterance.frames, -np.inf)

    def _moved(self, utterance: CTCPrefixScore, starts: Logarithms, row: int) -> PrefixState:
        """The same prefix in a longer utterance, where its last token may start as row `row` says."""
        return self._replace(utterance=utterance, starts=starts, row=row, again=False)


class PrefixScores(NamedTuple):
    """Scores of the continuations of H prefixes: psi (H, C) of `ids` (H, C), or of all tokens, and of `end` (H,), the
    prefix being the whole text.

    `starts` says where another token, or the prefix's `last` (H,) token again, may start. `parents`: the H prefixes;
    `window`: where the continuations were looked for, if not everywhere.
    """

    utterance: CTCPrefixScore
    ids: np.ndarray | None
    last: np.ndarray
    starts: Odds | Logarithms
    psi: np.ndarray
    end: np.ndarray
    parents: Sequence[Ancestor]
    window: Window | None = None

    @property
    def log_psi(self) -> np.ndarray:
        """Scores (H, V), log-zero of tokens that are no candidates."""
        utterance = self.utterance
        if self.ids is None:
            log_psi = self.psi.copy()
        else:
            log_psi = np.full((len(self.psi), utterance.tokens), LOG_ZERO)
            np.put_along_axis(log_psi, self.ids, self.psi, axis=1)
        log_psi[:, utterance.eos] = self.end
        return log_psi

    def select(self, i: int, token: int) -> PrefixState:
        """The prefix `i` continued with `token`; one that is impossible (a blank) has no continuation either."""
        again, psi = token == int(self.last[i]), self._psi_of(i, token)
        return PrefixState(
            utterance=self.utterance,
            starts=self.starts,
            row=i,
            again=again,
            first=-np.inf,
            token=token,
            log_psi=psi,
            parent=self.parents[i],
            possible=psi > LOG_ZERO,
            window=self.window,
        )

    def _psi_of(self, i: int, token: int) -> float:
        if token == self.utterance.eos:
            return float(self.end[i])
        if self.ids is None:
            return float(self.psi[i, token])
        ids = self.ids[i].tolist()
        return float(self.psi[i, ids.index(token)]) if token in ids else LOG_ZERO


class CTCPrefixScore:
    """Prefix scores of one utterance.

    Args:
        x: Log-probabilities of the CTC output, (T, V).
        blank: Index of the blank.
        eos: Index of the end symbol, whose score is that of the prefix being the whole text.
        margin: Frames beside those that the prefixes have reached where their continuations are looked for; 0: in all.
    """

    def __init__(self, x: np.ndarray, blank: int, eos: int, margin: int = 0) -> None:
        self.frames, self.tokens = x.shape
        self.blank, self.eos = blank, eos
        self._log_p = x
        self._margin = margin
        self._forgotten = 0  # frames of the utterance before those that are known
        self._log_blank = np.maximum(x[:, blank], _LOWEST).astype(np.float64)
        self._blanks = np.append(0.0, np.cumsum(self._log_blank))
        self._ratios: dict[int, np.ndarray] = {}

    def initial_state(self) -> PrefixState:
        """The empty prefix."""
        never = Logarithms(np.full((1, 1, self.frames), -np.inf), self._blanks)
        return PrefixState(self, never, 0, False, 0.0, self.blank, 0.0)

    def __call__(self, ys: np.ndarray, ids: np.ndarray | None, states: Sequence[PrefixState]) -> PrefixScores:
        """Score the continuations of prefixes.

        Args:
            ys: Prefixes, (H, U), the start symbol first.
            ids: Candidate tokens, (H, C), or None for all tokens.
            states: State of each prefix.
        """
        taken = ys.shape[1] - 1 - self._forgotten  # frames, by as many tokens, given ones (a primer) too
        last, window = ys[:, -1], None
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            emitted = self._by_odds(states, taken)
            if emitted is None:
                emitted, window = self._by_logarithms(states, taken)
            psi = self._log_psi(emitted, ids, last)
            end = np.maximum(np.logaddexp(emitted.in_token, emitted.in_blank), LOG_ZERO)
        ends = zip(states, emitted.in_token.tolist(), emitted.in_blank.tolist(), strict=True)
        parents = [Ancestor(state.parent, state.token, *ending) for state, *ending in ends]
        return PrefixScores(self, ids, last, emitted.starts, psi, end, parents, window)

    def _emitted(self, tokens: Sequence[int]) -> np.ndarray:
        """Log-probabilities (N, T) of tokens (N,)."""
        return np.maximum(self._by_token[tokens], _LOWEST).astype(np.float64)

    @functools.cached_property
    def _by_token(self) -> np.ndarray:
        """Log-probabilities (V, T), in which a token's frames are adjacent."""
        return np.ascontiguousarray(self._log_p.T)

    def _by_odds(self, states: Sequence[PrefixState], taken: int) -> Emitted | None:
        """Continuation of prefixes after the first `taken` frames, or None where that is not for `Odds`."""
        if self._margin or not self._log_blank.min() > LEAST_BLANK or any(state.end is not None for state in states):
            return None
        first = np.array([state.first for state in states])
        possible = np.array([state.possible for state in states])
        begins = bool((first > -np.inf).any())
        if begins and taken > 0:
            return None
        starts, rows, again = self._starts(states)
        odds = starts.following(rows, again, possible, first)
        odds = odds if begins else odds.trimmed(taken - 1)
        ratios = self._ratios_of([state.token for state in states])
        return odds.emitted(np.stack([ratio[odds.start :] for ratio in ratios]), first, possible)

    def _starts(self, states: Sequence[PrefixState]) -> tuple[Odds | Logarithms, np.ndarray, np.ndarray]:
        """Frames where the last tokens of all states may start: in which rows, and again or not."""
        starts = states[0].starts
        if any(state.starts is not starts for state in states):
            enter = np.stack([state.enter for state in states])
            return Logarithms(enter[None], self._blanks), np.arange(len(states)), np.zeros(len(states), bool)
        return starts, np.array([state.row for state in states]), np.array([state.again for state in states])

    def _ratios_of(self, tokens: Sequence[int]) -> list[np.ndarray]:
        """Probabilities (T,) of each of the tokens by those of the blank."""
        new = [token for token in dict.fromkeys(tokens) if token not in self._ratios]
        if new:
            self._ratios.update(zip(new, np.exp(self._emitted(new) - self._log_blank), strict=True))
        return [self._ratios[token] for token in tokens]

    def _by_logarithms(self, states: Sequence[PrefixState], taken: int) -> tuple[Emitted, Window | None]:
        """`_by_odds` for every case, and the window that was looked at."""
        after_token, after_blank = self._forward(states)
        after_any = np.logaddexp(after_token, after_blank)
        first = np.array([[state.first] for state in states])
        enter = np.stack([_delay(after_any, first), _delay(after_blank, first)])
        enter[:, :, : max(0, taken)] = -np.inf
        window = None
        if self._margin:
            window = self._window(after_any, states, taken)
            enter[:, :, : window.start] = enter[:, :, window.end :] = -np.inf
        starts = Logarithms(enter, self._blanks)
        weights = starts.weights()
        return Emitted(starts, weights, weights.max(axis=1), after_token[:, -1], after_blank[:, -1]), window

    @functools.cached_property
    def _spoken(self) -> np.ndarray:
        """Frames where a token is likelier than the blank, in order."""
        return np.flatnonzero(self._log_p.argmax(axis=1) != self.blank)

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
        fifth = int(fifths[0]) if len(fifths) else self.frames
        return Window(start, max(last + self._margin, fifth) + 1, first, last)

    def extend(self, x: np.ndarray, states: Sequence[PrefixState]) -> list[PrefixState]:
        """The prefixes in the utterance that goes on with log-probabilities x (T', V) of new frames."""
        new_p = np.maximum(x, _LOWEST).astype(np.float64)
        last, parents = [state.token for state in states], [state.parent for state in states]
        new, ancestors = enter_new(new_p, self.blank, last, parents)
        enter = np.concatenate([[state.enter for state in states], new], axis=1)
        first = np.array([[state.first] for state in states])
        old = min(_forgettable(np.concatenate([first, enter], axis=1)), self.frames)
        if old:  # tokens in these frames come before the first frame that is kept
            first = np.logaddexp(*self._forward(states))[:, old - 1 : old]
        longer = self._continued(x, old)
        starts = Logarithms(enter[None, :, old:], longer._blanks)
        known = zip(first[:, 0].tolist(), ancestors, (enter.max(axis=1) > -np.inf).tolist(), strict=True)
        return [
            state._moved(longer, starts, row)._replace(
                first=before, parent=parent, possible=possible or before > -np.inf
            )
            for row, (state, (before, parent, possible)) in enumerate(zip(states, known, strict=True))
        ]

    def extend_by_blanks(self, x: np.ndarray, states: Sequence[PrefixState]) -> list[PrefixState]:
        """`extend` as upstream has it: in new frames, only blanks follow the last token of a prefix.

        The probability is lost of prefixes that were found before they were spoken, and of tokens at the border.
        """
        longer = self._continued(x, 0)
        enter = np.stack([state.enter for state in states])
        never = np.full((len(states), len(x)), -np.inf)
        starts = Logarithms(np.concatenate([enter, never], axis=1)[None], longer._blanks)
        return [
            state._moved(longer, starts, row)._replace(end=self.frames if state.end is None else state.end)
            for row, state in enumerate(states)
        ]

    def _continued(self, x: np.ndarray, old: int) -> CTCPrefixScore:
        """The utterance without its `old` first frames and with log-probabilities x (T', V) of new ones."""
        longer = CTCPrefixScore(np.concatenate([self._log_p[old:], x]), self.blank, self.eos)
        longer._forgotten = self._forgotten + old
        return longer

    def last_frame(self, state: PrefixState) -> int:
        """The frame where the last token of a prefix most probably starts."""
        return self._forgotten + int((state.enter + self._emitted([state.token])[0]).argmax())

    def _forward(self, states: Sequence[PrefixState]) -> tuple[np.ndarray, np.ndarray]:
        """Log-probabilities (H, T) of a prefix having been emitted up to a frame: with its token last, and a blank."""
        tokens = [state.token for state in states]
        first = np.array([[state.first] for state in states])
        token_last = _occupy(np.stack([state.enter for state in states]), self._emitted(tokens))
        blank_last = _occupy(_delay(token_last, first), self._log_blank)
        for row, end in enumerate(state.end for state in states):
            if end is not None:
                token_last[row, end:] = -np.inf
                blank_last[row, end:] = blank_last[row, end - 1] + np.cumsum(self._log_blank[end:], dtype=float)
        for row, window in enumerate(state.window for state in states):
            if window is not None:
                # Behind the window, every frame emits a blank.
                said = np.logaddexp(token_last[row, window.end - 1 :][:1], blank_last[row, window.end - 1 :][:1])
                token_last[row, window.end :] = -np.inf
                blank_last[row, window.end :] = said + np.cumsum(self._log_blank[window.end :], dtype=float)
        return token_last, blank_last

    def _of_all_tokens(self, frames: slice) -> np.ndarray:
        """Probabilities (n, V) of all tokens in some frames, which are computed once."""
        p, known = self._p
        new = frames.start + np.flatnonzero(~known[frames])
        p[new] = np.exp(np.maximum(self._log_p[new], _LEAST), dtype=np.float64)
        known[new] = True
        return p[frames]

    @functools.cached_property
    def _p(self) -> tuple[np.ndarray, np.ndarray]:
        """Room for the probabilities of all tokens (T, V), and which frames (T,) have theirs."""
        return np.empty((self.frames, self.tokens)), np.zeros(self.frames, bool)

    def _log_psi(self, emitted: Emitted, ids: np.ndarray | None, last: np.ndarray) -> np.ndarray:
        """log sum_t exp(enter[h, t] + x[t, c]), (H, C) or (H, V), as a product of probabilities."""
        starts, weights, peak = emitted.starts, emitted.weights, emitted.peak
        first, end = near(weights, peak)
        frames = slice(starts.start + first, starts.start + end)
        columns = np.arange(self.tokens)[None] if ids is None else ids
        if ids is None:
            mass = weights[:, first:end] @ self._of_all_tokens(frames)
        else:
            mass = _product(weights[:, first:end], self._by_token[:, frames], ids)
        rows, places = np.nonzero(columns == last[:, None])
        if len(rows):
            p = np.exp(np.maximum(self._by_token[last[rows], frames], _LEAST), dtype=np.float64)
            mass[rows, places] = (starts.weights_again(rows, first, end) * p).sum(axis=1)
        psi = np.log(mass) + starts.log_unit()[:, None]
        rare = (mass < RARE * peak[:, None]) & (columns != self.blank)
        for h in np.flatnonzero(rare.any(axis=1)).tolist():
            places = np.flatnonzero(rare[h])
            tokens = np.broadcast_to(columns, mass.shape)[h, places]
            log_p = self._emitted(tokens)
            psi[h, places] = _log_sum(starts.enter(h, False) + log_p)
            again = np.flatnonzero(tokens == last[h])
            psi[h, places[again]] = _log_sum(starts.enter(h, True) + log_p[again])
        return np.where(columns == self.blank, LOG_ZERO, np.maximum(psi, LOG_ZERO))


def _forgettable(mass: np.ndarray) -> int:
    """Frames at the beginning that may be forgotten; mass (H, 1 + T) is what prefixes have before them and in each."""
    peak = mass.max(axis=1, keepdims=True)
    known = mass[np.isfinite(peak[:, 0])] > peak[np.isfinite(peak)][:, None] - _NOTHING
    earliest = int(known.argmax(axis=1).min(initial=mass.shape[1] - 1)) if len(known) else 0
    return max(0, earliest - 1, mass.shape[1] - 1 - _LONGEST)


def _product(weights: np.ndarray, log_p: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """sum_t weights[h, t] exp(log_p[c, t]) of candidates ids (H, C)."""
    chosen = np.zeros(len(log_p), bool)
    chosen[ids] = True
    tokens = np.flatnonzero(chosen)
    p = np.exp(np.maximum(log_p[tokens], _LEAST), dtype=np.float64)
    return np.take_along_axis(weights @ p.T, np.searchsorted(tokens, ids), axis=1)


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
