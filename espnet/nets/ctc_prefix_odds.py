"""Probabilities, as odds or as logarithms, that the next token of CTC prefixes starts at each frame.

In `Odds`, a path's probability is its ratio to that of the path of nothing but blanks up to the same frame. In this
unit a blank costs nothing: the odds that a prefix has been emitted before a frame are a running sum of the odds that
its last token was emitted last, and are at the same time the odds that another token may start there. A token's own
recursion, y[t] = q[t] (y[t - 1] + e[t]) with q its probability by the blank's, is solved by doubling: after k rounds, y
holds all stays of up to 2 ** k frames, and longer ones become improbable soon. No logarithm or exponential of (H, T) is
taken.

Odds grow with every frame, so that what the range of floats loses are early frames that have become irrelevant. Where
that cannot be shown, there is no result, and `CTCPrefixScore` computes with `Logarithms`.

Shapes: H prefixes, T frames of which n are left from `start` on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LEAST_BLANK = -100.0  # log-probability of a blank below which ratios to it leave the range of floats
RARE = np.exp(-70.0)  # a candidate that much less probable than its prefix may depend on all frames;
_FAR = np.exp(-110.0)  # others do not on those where so little is left of the prefix's probability
_SMALL = np.exp(-600.0)  # smaller odds count as zero, so that their products with probabilities are normal numbers;
_VISIBLE = np.exp(-440.0)  # a prefix of more probability than this, where they start, has lost nothing to that
_FULL = 400.0  # logarithm of the odds before the end that a step starts with,
_TOTAL = np.exp(200.0), np.exp(490.0)  # and what it may end with
_PIVOT = 200.0  # nats of blanks before the pivot, at most, so that weights are floats,
_REACH = 700.0  # and behind it, where weights end,
_UNREACHED = np.exp(-540.0)  # of which a prefix has lost nothing whose peak is so much of its total
_LEAST_RATIO = np.exp(-100.0)  # of a token to the blank: sums that may lose so little are of tokens above this
_EPS = 1e-16


class Logarithms(NamedTuple):
    """Log-probabilities that a token may start at each frame, enter (2, H, T): another one, or the last one again.

    `blanks` (T + 1,): log-probability of blanks before each frame.
    """

    all_enter: np.ndarray
    blanks: np.ndarray

    @property
    def start(self) -> int:
        """The first frame that weights are for."""
        return 0

    def enter(self, row: int, again: bool) -> np.ndarray:
        """Log-probability (T,) that another token, or the last one `again`, may start after prefix `row`."""
        return self.all_enter[int(again), row]

    def log_unit(self) -> np.ndarray:
        """Logarithm (H,) of the unit in which weights are given."""
        peak = self.all_enter[0].max(axis=1)
        return np.where(np.isneginf(peak), 0.0, peak)

    def weights(self) -> np.ndarray:
        """Probability (H, n) that another token may start."""
        return np.exp(self.all_enter[0] - self.log_unit()[:, None])

    def weights_again(self, rows: np.ndarray, first: int, last: int) -> np.ndarray:
        """Probability (R, last - first) that the last token of prefixes `rows` may start again, in a part of the n
        frames."""
        return np.exp(self.all_enter[1, rows, first:last] - self.log_unit()[rows, None])

    def following(self, rows: np.ndarray, again: np.ndarray, possible: np.ndarray, first: np.ndarray) -> Odds:
        """Odds that the next token of prefixes `rows` (H,) starts, `again` (H,) where it is the last one, if that is
        `possible` (H,); first (H,): log-probability of their coming to the first frame before any token."""
        enter = np.where(possible[:, None], self.all_enter[again.astype(int), rows] - self.blanks[:-1], -np.inf)
        unit = np.maximum(enter.max(axis=1), first)
        unit = np.where(np.isneginf(unit), 0.0, unit - _FULL)
        return Odds(np.pad(np.exp(enter - unit[:, None]), ((0, 0), (0, 1))), unit, 0, self.blanks)


class Odds(NamedTuple):
    """Odds `before` (H, n + 1) of a prefix having been emitted before each frame from `start` on, and before the end.

    The log-probability of odds 1 is scale (H,) + blanks[t] - blanks[start], where blanks (T + 1,) is the
    log-probability of blanks before each frame; weights are probabilities by those of odds 1 at frame `pivot`.
    """

    before: np.ndarray
    scale: np.ndarray
    start: int
    blanks: np.ndarray
    pivot: int = 0

    def enter(self, row: int, again: bool) -> np.ndarray:
        """Log-probability (T,) that another token, or the last one `again`, may start after prefix `row`."""
        odds = self.before[row, :-1]
        odds = np.append(odds[:1], odds[:-1]) if again else odds
        log_p = np.full(len(self.blanks) - 1, -np.inf)
        with np.errstate(divide="ignore"):
            log_p[self.start :] = np.log(odds) + (
                self.scale[row] + self.blanks[self.start : -1] - self.blanks[self.start]
            )
        return log_p

    def log_unit(self) -> np.ndarray:
        """Logarithm (H,) of the unit in which weights are given."""
        return self.scale + (self.blanks[self.pivot] - self.blanks[self.start])

    def weights(self) -> np.ndarray:
        """Probability (H, n') that another token may start, without frames at the end that it does not reach."""
        unit = self.blanks[self.start : -1] - self.blanks[self.pivot]
        unit = np.exp(unit[: max(1, np.searchsorted(-unit, _REACH))])
        return self.before[:, : len(unit)] * unit

    def weights_again(self, rows: np.ndarray, first: int, last: int) -> np.ndarray:
        """Probability (R, last - first) that the last token of prefixes `rows` may start again, in a part of the n
        frames."""
        places = np.arange(first, last)
        unit = np.exp(self.blanks[self.start + places] - self.blanks[self.pivot])
        return self.before[rows[:, None], np.maximum(places - 1, 0)] * unit

    def following(self, rows: np.ndarray, again: np.ndarray, possible: np.ndarray, first: np.ndarray) -> Odds:
        """Odds that the next token of prefixes `rows` (H,) starts, `again` (H,) where it is the last one, if that is
        `possible` (H,); `first` is there for the same method of `Logarithms`."""
        odds, total = self.before[rows], self.before[rows, -1]
        if again.any():
            odds[again, 1:] = self.before[rows[again], :-1]
        possible = possible & (total > 0)
        unit = np.where(possible, total, 1.0) * np.exp(-_FULL)
        odds *= (possible / unit)[:, None]
        return Odds(odds, self.scale[rows] + np.log(unit), self.start, self.blanks)

    def trimmed(self, taken: int) -> Odds:
        """The same without frames before number `taken`, where no token starts, and those where no odds are left."""
        frames = self.before.shape[1] - 1
        skip = min(max(0, taken - self.start), frames - 1)
        before = self.before[:, skip:]
        if taken - self.start >= frames:
            before = np.zeros_like(before)
        small = before < _SMALL
        late = int(small[:, :-2].sum(axis=1).min())
        before = np.where(small, 0.0, before)[:, late:]
        start = self.start + skip + late
        return Odds(before, self.scale + (self.blanks[start] - self.blanks[self.start]), start, self.blanks)

    def emitted(self, ratios: np.ndarray, first: np.ndarray, possible: np.ndarray) -> Emitted | None:
        """The odds of the prefixes whose last tokens these odds are for.

        Args:
            ratios: Probability of the token by that of the blank, (H, n).
            first: Log-probability (H,) of the prefix coming to the first frame of all.
            possible: Prefixes (H,) that are possible.

        Returns:
            None where the range of floats may lose what matters.
        """
        if ratios.min() < _LEAST_RATIO:
            return None
        token = _stay(self.before[:, :-1] * ratios, ratios)
        before = np.empty_like(self.before)
        before[:, 0] = np.exp(first - self.scale)
        np.cumsum(token, axis=1, out=before[:, 1:])
        if before[:, 0].any():
            before[:, 1:] += before[:, :1]
        total = before[:, -1]
        behind = self.blanks[self.start] - self.blanks[self.start : -1]
        pivot = self.start + int(np.searchsorted(behind, _PIVOT, side="right")) - 1
        odds = self._replace(before=before, pivot=pivot)
        weights = odds.weights()
        peak, latest = weights.max(axis=1), self.blanks[-1] - self.blanks[self.start]
        lost = np.maximum(_VISIBLE * np.exp(self.blanks[self.start] - self.blanks[pivot]), _UNREACHED * total)
        held = (total > _TOTAL[0]) & (total < _TOTAL[1]) & (peak >= lost)
        if not (held | ~possible).all():
            return None
        ends = np.log(np.stack([token[:, -1], before[:, -2]])) + (self.scale + latest)
        return Emitted(odds, weights, peak, *ends)


class Emitted(NamedTuple):
    """Continuation of H prefixes: `starts`, its weights (H, n) and their maxima (H,), and the log-probabilities (H,)
    after the last frame, with a prefix's token last, and a blank.
    """

    starts: Odds | Logarithms
    weights: np.ndarray
    peak: np.ndarray
    in_token: np.ndarray
    in_blank: np.ndarray


def near(weights: np.ndarray, peak: np.ndarray) -> tuple[int, int]:
    """The frames [first, last) of the n with weights (H, n), at most peak (H,), that matter to the sums over frames of
    all candidates that are not rare."""
    least = np.where(peak > 0, _FAR * peak, np.inf)
    frames = np.flatnonzero(~(weights < least[:, None]).all(axis=0))
    return (int(frames[0]), int(frames[-1]) + 1) if len(frames) else (0, 0)


def _stay(y: np.ndarray, ratios: np.ndarray) -> np.ndarray:
    """y (H, n) with the odds added of coming from the frame before: y[t] + ratios[t] y[t - 1], and so on.

    Stays of so many frames are left out that they change none of the running sums of y in double precision.
    """
    frames, stays = 1, ratios
    while frames < y.shape[1] and stays.max() > _EPS:
        y[:, frames:] += stays[:, 1:] * y[:, :-frames]
        stays = stays[:, frames:] * stays[:, :-frames]
        frames *= 2
    return y
