"""Searches over a transducer: each extends the hypotheses of an utterance by the labels of further frames.

Decoder output and language model scores of a label sequence depend on the sequence alone and are computed once
(`Prefixes`); the searches handle labels, scores and the frames at which labels were emitted.

- default: A. Graves, "Sequence transduction with recurrent neural networks", 2012, without merging of equal sequences.
- tsd, alsd: G. Saon et al., "Alignment-length synchronous decoding for RNN transducer", 2020.
- nsc: J. Kim et al., "Accelerating RNN transducer inference via one-step constrained beam search", 2020.
- maes: J. Kim et al., "Accelerating RNN transducer inference via adaptive expansion search", 2020.
- greedy: the best symbol of each frame.
- mbg: H. Xu et al., "Multi-blank transducers for speech recognition", 2022, greedy too.

Shapes: T frames, J size of the joint space, V labels with the blank, H hypotheses.
"""

from __future__ import annotations

import functools
import heapq
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from espnet.nets.transducer_prefixes import Labels
from espnet.nets.transducer_utterance import Advance, Emitted, Scored, TransducerUtterance

BLANK = 0  # but for transducers with several blanks
LABELS_PER_FRAME = 4  # of mbg, upstream's number
AHEAD = 8  # frames that greedy looks at in one call, as most emit the blank
TOGETHER = 4  # label sequences that default reads in one call
# Hypotheses, by beam_size, that default continues at a frame, at most, where labels may raise a score: else a label
# that is worth more than it costs could follow itself forever.
CONTINUED = 10

Step = Callable[[TransducerUtterance, Sequence[Scored], np.ndarray, int], list[Scored]]


def by_frame(step: Step) -> Advance:
    """The search that takes this step at one frame (J,) after the other."""

    @functools.wraps(step)
    def advance(search: TransducerUtterance, beam: Sequence[Scored], frames: np.ndarray, first: int) -> list[Scored]:
        kept = list(beam)
        for number, frame in enumerate(frames, first):
            search.move(frames[number - first :])
            kept = step(search, kept, frame, number)
            search.forget_all_but(kept)
        return kept

    return advance


def best(hypotheses: Iterable[Scored], size: int) -> list[Scored]:
    """The `size` best of some hypotheses, best first."""
    return sorted(hypotheses, key=_score, reverse=True)[:size]


def merged(hypotheses: Iterable[Scored]) -> list[Scored]:
    """Equal sequences as one, with the sum of their probabilities and the frames of the likeliest."""
    alike: dict[Labels, list[Scored]] = {}
    for hypothesis in hypotheses:
        alike.setdefault(hypothesis.labels, []).append(hypothesis)
    return [
        max(same, key=_score)._replace(score=float(functools.reduce(np.logaddexp, map(_score, same))))
        if len(same) > 1
        else same[0]
        for same in alike.values()
    ]


class Queued(NamedTuple):
    """A hypothesis in a queue, or its expansion by `label`, after which come its `others`; the least is the best.

    `number` and `place`, of the hypothesis and among its expansions, tell equal ones apart.
    """

    cost: float
    number: int
    place: int
    score: float
    hypothesis: Scored
    label: int | None = None
    others: Iterator[tuple[int, float]] = iter(())


class BestFirst:
    """Hypotheses at frame number `frame` in the order of their scores, which expansions join; of equal ones the first.

    An expansion joins when the better ones of the same hypothesis have been taken: most never do.
    """

    def __init__(self, search: TransducerUtterance, hypotheses: Iterable[Scored], frame: int) -> None:
        self._search, self._frame, self._numbers = search, frame, itertools.count()
        self._by_length = search.options.score_norm_during
        queued = zip(hypotheses, self._numbers)  # noqa: B905  # as many numbers as there are hypotheses
        self._heap = [Queued(self._cost(h.score, len(h.labels)), number, 0, h.score, h) for h, number in queued]
        heapq.heapify(self._heap)

    def expand(self, hypothesis: Scored, log_probs: np.ndarray) -> None:
        """Add the hypothesis continued by each of its likeliest labels, by log_probs (V,)."""
        self._push(hypothesis, self._search.best_expansions(hypothesis, log_probs), next(self._numbers), 0)

    def pop(self) -> Scored:
        """Take the best one."""
        _, number, place, score, hypothesis, label, others = heapq.heappop(self._heap)
        if label is None:
            return hypothesis
        self._push(hypothesis, others, number, place + 1)
        return self._search.extended(hypothesis, label, score, self._frame)

    def best_score(self) -> float:
        """The score of the best one."""
        return self._heap[0].score

    def labels(self, count: int) -> Iterator[Labels]:
        """The label sequences of the `count` best ones."""
        for queued in heapq.nsmallest(count, self._heap):
            labels = queued.hypothesis.labels
            yield labels if queued.label is None else self._search.prefixes.continued(labels, queued.label)

    def _push(self, hypothesis: Scored, expansions: Iterator[tuple[int, float]], number: int, place: int) -> None:
        for label, score in itertools.islice(expansions, 1):
            cost = self._cost(score, len(hypothesis.labels) + 1)
            heapq.heappush(self._heap, Queued(cost, number, place, score, hypothesis, label, expansions))

    def _cost(self, score: float, labels: int) -> float:
        return -score / (labels + 1) if self._by_length else -score


def _score(hypothesis: Scored) -> float:
    return hypothesis.score


def _sequences(hypotheses: Iterable[Scored]) -> list[Labels]:
    return [hypothesis.labels for hypothesis in hypotheses]


def ended(hypotheses: Iterable[Scored], log_probs: Iterable[np.ndarray]) -> list[Scored]:
    """The hypotheses after a blank at the frame of log_probs (H, V)."""
    return [h._replace(score=h.score + float(row[BLANK])) for h, row in zip(hypotheses, log_probs, strict=True)]


def greedy(search: TransducerUtterance, beam: Sequence[Scored], frames: np.ndarray, first: int) -> list[Scored]:
    """The best symbol of each frame."""
    (found,), at = beam, 0
    while at < len(frames):
        log_probs = search.log_probs(frames[at : at + AHEAD], [found.labels])
        labels = log_probs.argmax(axis=1)
        blanks = int((labels != BLANK).argmax()) if labels.any() else len(labels)
        at += blanks
        if blanks < len(labels):
            label = int(labels[blanks])
            found = search.continued(found, label, float(log_probs[blanks, label]), first + at)
            search.prefixes.read([found.labels])
            search.forget_all_but([found])
            at += 1
    return [found]


@by_frame
def multi_blank_greedy(
    search: TransducerUtterance, beam: Sequence[Scored], frame: np.ndarray, number: int
) -> list[Scored]:
    """The best symbol until a blank comes, which skips as many frames as it lasts."""
    (found,) = beam
    if number < found.resumed:
        return [found]
    for _ in range(LABELS_PER_FRAME):
        (log_probs,) = search.log_probs(frame, [found.labels])
        symbol = int(log_probs.argmax())
        log_prob = float(log_probs[symbol])
        if symbol in search.durations:
            return [found._replace(score=found.score + log_prob, resumed=number + search.durations[symbol])]
        found = search.continued(found, symbol, log_prob, number)
        search.prefixes.read([found.labels])
    return [found]


@by_frame
def default(search: TransducerUtterance, beam: Sequence[Scored], frame: np.ndarray, number: int) -> list[Scored]:
    """Hypotheses are continued best first, until enough that emitted the blank are better than any."""
    running, kept = BestFirst(search, beam, number), list[Scored]()
    rows = search.rows(_sequences(beam))
    most = None if search.scores_fall else CONTINUED * search.beam_size
    while True:
        hypothesis = running.pop()
        if hypothesis.labels not in rows:
            # Weights are read once for all: others that probably come next are read, too.
            following = [hypothesis.labels, *running.labels(TOGETHER - 1)]
            unread = [labels for labels in dict.fromkeys(following) if labels not in rows]
            search.prefixes.read(unread)
            rows |= search.rows(unread)
        row = rows[hypothesis.labels]
        kept += ended([hypothesis], [row])
        running.expand(hypothesis, row)
        bound = running.best_score()
        better = [other for other in kept if other.score > bound]
        if len(better) >= search.beam_size:
            return best(better, len(better))
        if len(kept) == most:
            return best(kept, search.beam_size)


@by_frame
def time_synchronous(
    search: TransducerUtterance, beam: Sequence[Scored], frame: np.ndarray, number: int
) -> list[Scored]:
    """Up to `max_sym_exp` symbols a frame, the last of which is the blank."""
    blanks: list[Scored] = []
    running = beam
    for remaining in reversed(range(search.options.max_sym_exp)):
        search.prefixes.read(_sequences(running))
        log_probs = search.log_probs(frame, _sequences(running))
        blanks += ended(running, log_probs)
        if remaining:
            running = best(search.expand_all(running, log_probs, number), search.beam_size)
    return best(merged(blanks), search.beam_size)


def alignment_length_synchronous(
    search: TransducerUtterance, beam: Sequence[Scored], frames: np.ndarray, first: int
) -> list[Scored]:
    """All hypotheses have emitted as many symbols, blanks and labels, and so are at different frames.

    The frames are those of a whole utterance.
    """
    final: list[Scored] = []
    last = len(frames) - 1
    for symbols in range(len(frames) + min(search.options.u_max, last)):
        running = [hypothesis for hypothesis in beam if symbols - len(hypothesis.labels) <= last]
        if not running:
            break
        at = [symbols - len(hypothesis.labels) for hypothesis in running]
        search.prefixes.read(_sequences(running))
        log_probs = search.log_probs(frames[at], _sequences(running))
        candidates: list[Scored] = []
        for hypothesis, number, row in zip(running, at, log_probs, strict=True):
            candidates += ended([hypothesis], [row])
            if number == last:
                final.append(candidates[-1])
            candidates += search.expand(hypothesis, row, number)
        beam = merged(best(candidates, search.beam_size))
        search.forget_all_but(beam)
    return final or list(beam)


def add_prefixes(
    search: TransducerUtterance, hypotheses: Collection[Scored], frame: np.ndarray, number: int
) -> tuple[list[Scored], Sequence[np.ndarray]]:
    """Add to each hypothesis the probability of others that are a prefix of it and emit the rest at this frame.

    Returns:
        the hypotheses, longest first, and the log-probabilities (V,) of what follows each of them at the frame.
    """
    longest_first = sorted(hypotheses, key=lambda h: len(h.labels), reverse=True)
    known: dict[Labels, list[Scored]] = {}
    for hypothesis in longest_first:
        known.setdefault(hypothesis.labels, []).append(hypothesis)
    paths = [path_to_prefixes(h.labels, known, search.options.prefix_alpha) for h in longest_first]
    rows = search.rows(itertools.chain.from_iterable(paths))
    found = []
    for hypothesis, path in zip(longest_first, paths, strict=True):
        alternatives, log_prob = [hypothesis], 0.0
        for rest, (labels, before) in enumerate(itertools.pairwise(path), start=1):
            log_prob += float(rows[before][labels.last]) + search.reward(labels)
            alternatives += [
                Scored(hypothesis.labels, prefix.score + log_prob, _emitted(prefix.emitted, number, rest))
                for prefix in known.get(before, ())
            ]
        found += merged(alternatives)
    return found, [rows[hypothesis.labels] for hypothesis in found]


def path_to_prefixes(labels: Labels, known: Collection[Labels], reach: int) -> list[Labels]:
    """A sequence, and those before it, longest first, down to the shortest that is known among `reach` of them."""
    path = list(itertools.islice(labels, reach + 1))
    while path[-1] not in known:
        path.pop()
    return path


def _emitted(earlier: Emitted | None, frame: int, labels: int) -> Emitted | None:
    """The frames after some labels at one frame."""
    for _ in range(labels):
        earlier = Emitted(frame, earlier)
    return earlier


@by_frame
def step_constrained(
    search: TransducerUtterance, beam: Sequence[Scored], frame: np.ndarray, number: int
) -> list[Scored]:
    """`nstep` labels at most, for all hypotheses at once."""
    log_probs: Iterable[np.ndarray]
    running, log_probs = add_prefixes(search, beam, frame, number)
    blanks: list[Scored] = []
    for step in range(search.options.nstep):
        if step:
            log_probs = search.log_probs(frame, _sequences(running))
        blanks += ended(running, log_probs)
        known = set(_sequences(running))
        expanded = search.expand_all(running, log_probs, number)
        running = best((new for new in expanded if new.labels not in known), search.beam_size)
        search.prefixes.read(_sequences(running))
    if search.options.nstep > 1:  # with one step, upstream lets the frame end without a blank
        running = ended(running, search.log_probs(frame, _sequences(running)))
    return best([*blanks, *running], search.beam_size)


def still_able(search: TransducerUtterance, running: list[Scored], blanks: Sequence[Scored]) -> list[Scored]:
    """Running hypotheses that may become one of the best; `blanks` are those that have ended at this frame.

    No symbol raises a score: what is not better than enough that have ended need not be read.
    """
    if len(blanks) < search.beam_size or not search.scores_fall:
        return running
    bound = best(blanks, search.beam_size)[-1].score
    return [hypothesis for hypothesis in running if hypothesis.score > bound]


@by_frame
def adaptive_expansion(
    search: TransducerUtterance, beam: Sequence[Scored], frame: np.ndarray, number: int
) -> list[Scored]:
    """`nstep` expansions at most, of those symbols alone that are nearly as good as the best one."""
    alone, known = search.options.standalone, set[Labels]()
    running: Sequence[Scored]
    log_probs: Iterable[np.ndarray]
    if alone:
        running, log_probs = beam, search.log_probs(frame, _sequences(beam))
    else:
        running, log_probs = add_prefixes(search, beam, frame, number)
        known = set(_sequences(running))
    blanks: list[Scored] = []
    for _ in range(max(1 if alone else 2, search.options.nstep)):
        triples = zip(running, log_probs, search.near_best(log_probs), strict=True)
        near = [(hypothesis, row, symbol) for hypothesis, row, symbols in triples for symbol in symbols]
        blanks += [h._replace(score=h.score + float(row[BLANK])) for h, row, symbol in near if symbol == BLANK]
        expanded = (search.continued(h, symbol, float(row[symbol]), number) for h, row, symbol in near if symbol)
        running = [hypothesis for hypothesis in expanded if hypothesis.labels not in known]
        running = running if alone else still_able(search, running, blanks)
        if not running:
            break
        search.prefixes.read(_sequences(running))
        log_probs = search.log_probs(frame, _sequences(running))
    found = [*blanks, *ended(running, log_probs)] if running else blanks
    return best(merged(found) if alone else found, search.beam_size)


SEARCHES: dict[str, Advance] = {
    "default": default,
    "greedy": greedy,
    "tsd": time_synchronous,
    "alsd": alignment_length_synchronous,
    "nsc": step_constrained,
    "maes": adaptive_expansion,
    "mbg": multi_blank_greedy,
}
