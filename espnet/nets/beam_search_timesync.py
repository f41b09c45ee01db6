"""Time-synchronous joint search: one pass over the frames, in which CTC proposes tokens and all scorers rank them.

B. Yan et al., "CTC alignments improve autoregressive translation", 2023, Algorithm 1. A CTC prefix beam search keeps,
of every prefix, the probability of the alignments that end with a blank and of those that end with its last token; the
beam holds the prefixes of the highest weighted sum of CTC probability and the other scorers' scores.

Shapes: H prefixes of the beam, C candidate tokens of a frame, T frames, V tokens; everything is a natural logarithm in
float64.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from espnet.nets.beam_search import Hypothesis, top_k
from espnet.nets.frame_blocks import FrameBlocks
from espnet.nets.scorer_interface import BatchScorerInterface, PartialScorerInterface, ScorerInterface
from espnet.nets.tensors import ModuleScorers, answers_in_kind, as_array, like, repeated

_ROOT, _NOBODY = 0, -1  # numbers of the prefix that is the start symbol alone, and of its parent


class BeamSearchTimeSync(ModuleScorers):
    """One-pass search over CTC alignments.

    Hypotheses end where the frames do, without an end symbol that is scored.

    Args:
        sos: Start symbol, which also ends hypotheses.
        beam_size: Prefixes kept at each frame.
        scorers: By name; None leaves one out. "ctc" gives log-probabilities (B, T, V) of encoder output (B, T, D) by
            `log_softmax`; "length_bonus" stands for 1 per token; any other is asked for all tokens.
        weights: Weight by scorer name; 0, or none, leaves the scorer out.
        token_list: Tokens as text; unused, since there are no log lines here.
        pre_beam_ratio: The `pre_beam_ratio * beam_size` most probable tokens of a frame may continue prefixes.
        blank: Index of the blank.
        force_lid, temp: False and 1; upstream's other values are not supported.

    Raises:
        ValueError: A scorer rates given candidates only, or an option has a value that is not allowed.
    """

    def __init__(
        self,
        sos: int,
        beam_size: int,
        scorers: Mapping[str, Any],
        weights: Mapping[str, float],
        token_list: Sequence[str] | None = None,
        pre_beam_ratio: float = 1.5,
        blank: int = 0,
        force_lid: bool = False,
        temp: float = 1.0,
    ) -> None:
        if force_lid or temp != 1.0:
            raise ValueError(f"force_lid and temp: expected False and 1.0, found {force_lid} and {temp}")
        self.ctc = scorers["ctc"]
        self.ctc_weight = weights["ctc"]
        self.penalty = weights.get("length_bonus", 0.0)
        self.scorers: dict[str, ScorerInterface] = {
            name: scorer
            for name, scorer in scorers.items()
            if name not in ("ctc", "length_bonus") and scorer is not None and weights.get(name, 0) != 0
        }
        for name, scorer in self.scorers.items():
            if isinstance(scorer, PartialScorerInterface):
                raise ValueError(f"{name}: expected a scorer of all tokens, found {type(scorer).__name__}")
        self.weights = {name: weights[name] for name in self.scorers}
        self.sos = sos
        self.beam_size = beam_size
        self.token_list = token_list
        self.pre_beam_size = max(1, int(pre_beam_ratio * beam_size))
        self.blank = blank

    @answers_in_kind
    def __call__(self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0) -> list[Hypothesis]:
        """The hypotheses in the beam after the last frame of encoder output x (T, D), best first.

        `maxlenratio` and `minlenratio` are there because other searches have them.
        """
        log_probs = as_array(self.ctc.log_softmax(x[None]))[0]
        search = _Search(self, x, log_probs.shape[1])
        search.advance(log_probs)
        return search.hypotheses()


class BeamSearchTimeSyncOnline(BeamSearchTimeSync):
    """`BeamSearchTimeSync` for a stream whose encoder output comes in pieces.

    Args:
        args, keywords: As for `BeamSearchTimeSync`.
        block_size, hop_size, look_ahead: As of `FrameBlocks`; scorers that read frames get those up to the end of the
            block.
    """

    def __init__(
        self, *args: Any, block_size: int = 40, hop_size: int = 16, look_ahead: int = 16, **keywords: Any
    ) -> None:
        super().__init__(*args, **keywords)
        self._sizes = block_size, hop_size, look_ahead
        self.reset()

    def reset(self) -> None:
        """Begin another stream."""
        self._blocks = FrameBlocks(*self._sizes)
        self._search: _Search | None = None

    @answers_in_kind
    def __call__(
        self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0, is_final: bool = True
    ) -> list[Hypothesis]:
        """The hypotheses in the beam after T new frames x (T, D), best first; T may be 0."""
        for block in self._blocks(as_array(x)):
            self._advance(like(x, block))
        if is_final and len(self._blocks.rest()):
            self._advance(like(x, self._blocks.rest()))
        return self._so_far()

    def _so_far(self) -> list[Hypothesis]:
        return [Hypothesis(np.array([self.sos, self.sos]))] if self._search is None else self._search.hypotheses()

    def _advance(self, block: np.ndarray) -> None:
        log_probs = as_array(self.ctc.log_softmax(block[None]))[0]
        if self._search is None:
            self._search = _Search(self, block, log_probs.shape[1])
        else:
            self._search.extend(block)
        self._search.advance(log_probs)


@dataclass
class _Prefix:
    """A prefix yseq (U,) of the beam, and its scores.

    `total`: weighted score of its tokens; `states`: the scorers' after all of them but the last; `next_states`: after
    all; `after` (V,): `total` of each continuation. The last two are set when the prefix has been scored.
    """

    parent: int
    yseq: np.ndarray
    total: float
    states: dict[str, Any]
    next_states: dict[str, Any] = field(default_factory=dict)
    after: np.ndarray | None = None


class _Masses(NamedTuple):
    """N prefixes with the CTC probabilities of their alignments that end `in_blank`, and `in_token`.

    Each is the prefix number `parent` continued with `token`.
    """

    parent: np.ndarray
    token: np.ndarray
    in_blank: np.ndarray
    in_token: np.ndarray

    @property
    def both(self) -> np.ndarray:
        return np.logaddexp(self.in_blank, self.in_token)

    def select(self, rows: np.ndarray) -> _Masses:
        return _Masses(*(values[rows] for values in self))


class _Search:
    """The search for the utterance with encoder output x (T, D), over V tokens."""

    def __init__(self, options: BeamSearchTimeSync, x: np.ndarray, n_vocab: int) -> None:
        self.options = options
        self.x = x
        self.n_vocab = n_vocab
        states = {name: _init_state(scorer, x) for name, scorer in options.scorers.items()}
        self.prefixes = {_ROOT: _Prefix(_NOBODY, np.array([options.sos]), 0.0, states)}
        self.numbers: dict[tuple[int, int], int] = {(_NOBODY, options.sos): _ROOT}  # by parent and token
        self.given = itertools.count(_ROOT + 1)
        self.beam = _Masses(np.array([_NOBODY]), np.array([options.sos]), np.zeros(1), np.full(1, -np.inf))
        self.others = self.beam.select(np.arange(0))  # prefixes of the last frame outside the beam
        self.number = np.array([_ROOT])
        self.score = np.zeros(1)

    def hypotheses(self) -> list[Hypothesis]:
        """The beam, best first."""
        texts = [self.prefixes[number].yseq for number in self.number.tolist()]
        scores = [float(score) + self._end_score(yseq) for yseq, score in zip(texts, self.score, strict=True)]
        closed = (np.append(yseq, self.options.sos) for yseq in texts)
        return sorted(map(Hypothesis, closed, scores), key=lambda hypothesis: hypothesis.score, reverse=True)

    def _end_score(self, yseq: np.ndarray) -> float:
        """Weighted score of an end after yseq (U,), which no symbol stands for."""
        weights = self.options.weights
        return sum(weights[name] * scorer.end_score(yseq) for name, scorer in self.options.scorers.items())

    def advance(self, log_probs: np.ndarray) -> None:
        """Go on by frames of log-probabilities (T, V)."""
        for frame in log_probs:
            self.step(frame.astype(np.float64))

    def extend(self, x: np.ndarray) -> None:
        """Give scorers the next frames x (T, D) of the encoder output; prefixes are scored again."""
        self.x = x
        prefixes = list(self.prefixes.values())
        for name, scorer in self.options.scorers.items():
            states = scorer.extend([prefix.states[name] for prefix in prefixes], x)
            for prefix, state in zip(prefixes, states, strict=True):
                prefix.states[name] = state
        for prefix in prefixes:
            prefix.after = None

    def step(self, frame: np.ndarray) -> None:
        """Go on by one frame of log-probabilities (V,)."""
        candidates = top_k(frame, self.options.pre_beam_size)
        tokens = candidates[candidates != self.options.blank]
        blank = frame[self.options.blank]
        with_blank = len(tokens) < len(candidates)
        stay = self._stay(frame, tokens, blank if with_blank else -np.inf)
        longer = self._continue(frame[tokens], tokens, blank)
        reached = self._merge(stay, longer, tokens) | with_blank

        masses = _Masses(*(np.concatenate([s, c.ravel()]) for s, c in zip(stay, longer, strict=True)))
        likely = masses.both
        possible = np.isfinite(likely)
        scores = self.options.ctc_weight * np.where(possible, likely, 0.0) + self._other_scores(tokens)
        allowed = possible & np.append(reached, np.ones(longer.token.size, bool))
        if not allowed.any():  # a beam of one whose token goes on, and no blank among the candidates
            allowed = possible
        rows = np.flatnonzero(allowed)
        rows = rows[top_k(scores[rows], self.options.beam_size)]
        possible[rows] = False
        self.score, self.beam, self.others = scores[rows], masses.select(rows), masses.select(np.flatnonzero(possible))
        self._enter()

    def _stay(self, frame: np.ndarray, tokens: np.ndarray, blank: float) -> _Masses:
        """The beam's prefixes (H,) where no token follows."""
        goes_on = (self.beam.token[:, None] == tokens).any(axis=1)
        in_token = self.beam.in_token + np.where(goes_on, frame[self.beam.token], -np.inf)
        return self.beam._replace(in_blank=self.beam.both + blank, in_token=in_token)

    def _continue(self, log_p: np.ndarray, tokens: np.ndarray, blank: float) -> _Masses:
        """Continuations (H, C) of the beam's prefixes by candidates with log_p (C,)."""
        shape = len(self.number), len(tokens)
        before = np.where(self.beam.token[:, None] == tokens, self.beam.in_blank[:, None], self.beam.both[:, None])
        in_blank, in_token = np.full(shape, -np.inf), before + log_p
        # One that the last frame reached, too, takes its alignments along.
        rows, columns, which = _matches(self.number, tokens, self.others)
        in_blank[rows, columns] = self.others.both[which] + blank
        stayed = self.others.in_token[which] + log_p[columns]
        in_token[rows, columns] = np.logaddexp(in_token[rows, columns], stayed)
        parent, token = np.broadcast_arrays(self.number[:, None], tokens)
        return _Masses(parent, token, in_blank, in_token)

    def _merge(self, stay: _Masses, longer: _Masses, tokens: np.ndarray) -> np.ndarray:
        """Add continuations that the beam holds already to `stay`; returns which of `stay` (H,) got any."""
        rows, columns, which = _matches(self.number, tokens, self.beam)
        stay.in_token[which] = np.logaddexp(stay.in_token[which], longer.in_token[rows, columns])
        longer.in_token[rows, columns] = -np.inf
        return np.isin(np.arange(len(stay.token)), which)

    def _other_scores(self, tokens: np.ndarray) -> np.ndarray:
        """Weighted scores, but for CTC's, of the beam's prefixes (H,) and behind them of the continuations (H * C,)."""
        known = [self.prefixes[number] for number in self.number.tolist()]
        lengths = {len(prefix.yseq) for prefix in known if prefix.after is None}
        for length in lengths:
            self._score_prefixes([prefix for prefix in known if prefix.after is None and len(prefix.yseq) == length])
        return np.concatenate([[prefix.total for prefix in known], *(_after(prefix)[tokens] for prefix in known)])

    def _score_prefixes(self, prefixes: Sequence[_Prefix]) -> None:
        """Have prefixes of one length scored."""
        ys = np.stack([prefix.yseq for prefix in prefixes])
        after = np.repeat([[prefix.total + self.options.penalty] for prefix in prefixes], self.n_vocab, axis=1)
        for name, scorer in self.options.scorers.items():
            scores, states = _score(scorer, ys, [prefix.states[name] for prefix in prefixes], self.x)
            after += self.options.weights[name] * scores.astype(np.float64)
            for row, prefix in enumerate(prefixes):
                prefix.next_states[name] = scorer.select_state(states, row)
        for prefix, row in zip(prefixes, after, strict=True):
            prefix.after = row

    def _enter(self) -> None:
        """Number the beam's prefixes, and keep their scores and those of prefixes that may come back."""
        keys = list(zip(self.beam.parent.tolist(), self.beam.token.tolist(), strict=True))
        numbers = [self.numbers[key] if key in self.numbers else next(self.given) for key in keys]
        self.numbers.update(zip(keys, numbers, strict=True))
        for number, (parent, token) in zip(numbers, keys, strict=True):
            if number not in self.prefixes:
                self.prefixes[number] = _continued(self.prefixes[parent], parent, token)
        inside = set(numbers)
        self.prefixes = {n: p for n, p in self.prefixes.items() if n in inside or p.parent in inside}
        self.numbers = {key: n for key, n in self.numbers.items() if key[0] in self.prefixes or n in self.prefixes}
        self.number = np.array(numbers)


def _matches(number: np.ndarray, tokens: np.ndarray, masses: _Masses) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each of `masses` (N,) that continues prefix `number` (H,) by one of tokens (C,): its row, column and index."""
    same_parent = number[:, None] == masses.parent
    same_token = tokens[:, None] == masses.token
    which = np.flatnonzero(same_parent.any(axis=0) & same_token.any(axis=0))
    return np.arange(len(number)) @ same_parent[:, which], np.arange(len(tokens)) @ same_token[:, which], which


def _after(prefix: _Prefix) -> np.ndarray:
    assert prefix.after is not None
    return prefix.after


def _continued(prefix: _Prefix, number: int, token: int) -> _Prefix:
    """`prefix`, whose number is given, followed by `token`."""
    return _Prefix(number, np.append(prefix.yseq, token), float(_after(prefix)[token]), dict(prefix.next_states))


def _init_state(scorer: ScorerInterface, x: np.ndarray) -> Any:
    return scorer.batch_init_state(x) if isinstance(scorer, BatchScorerInterface) else scorer.init_state(x)


def _score(scorer: ScorerInterface, ys: np.ndarray, states: Sequence[Any], x: np.ndarray) -> tuple[np.ndarray, Any]:
    """Scores (N, V) after ys (N, U), and the next states."""
    if isinstance(scorer, BatchScorerInterface):
        scores, states = scorer.batch_score(like(x, ys), states, repeated(x, len(ys)))
        return as_array(scores), states
    scored = [scorer.score(y, state, x) for y, state in zip(like(x, ys), states, strict=True)]
    return np.stack([as_array(scores) for scores, _ in scored]), [state for _, state in scored]
