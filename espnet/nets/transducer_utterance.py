"""Hypotheses of a transducer for one utterance, and what its searches compute of them.

Shapes: T frames, J size of the joint space, D of the decoder's output, V labels with the blank, H hypotheses.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from espnet.nets.beam_search import Hypothesis, top_k
from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.tensors import as_array
from espnet.nets.transducer_options import TransducerOptions
from espnet.nets.transducer_prefixes import Labels, Prefixes
from espnet2.interface.graph import Graph

AHEAD = 4  # frames that are looked at in one call while the sequences stay the same


class Emitted(NamedTuple):
    """The frame at which the last label was emitted, and those of the labels before it, which hypotheses share."""

    frame: int
    before: Emitted | None = None


class Scored(NamedTuple):
    """A label sequence, its log-probability, the frames of its labels, and the frame from which it goes on."""

    labels: Labels
    score: float
    emitted: Emitted | None = None
    resumed: int = 0

    def spans(self) -> list[tuple[int, int]]:
        """The frames [start, end) of each label, from the first to the last."""
        spans, emitted = [], self.emitted
        while emitted is not None:
            spans.append((emitted.frame, emitted.frame + 1))
            emitted = emitted.before
        return spans[::-1]


# The utterance, its hypotheses, new frames (T, J) and the first one's number to the hypotheses after these frames.
Advance = Callable[["TransducerUtterance", Sequence[Scored], np.ndarray, int], list[Scored]]


class TransducerModel(Protocol):
    """Graphs, options and search that utterances share; see `espnet.nets.beam_search_transducer.BeamSearchTransducer`.

    Attributes:
        beam_size: hypotheses kept.
        expansions: labels at most that continue a hypothesis.
        blank: what sequences start with.
        durations: frames that each blank lasts, where there are several.
        lm, lm_weight: scorer of labels, if any, and its weight.
        new_prefixes: makes the label sequences of an utterance.
        search: extends hypotheses by frames.
    """

    options: TransducerOptions
    beam_size: int
    expansions: int
    blank: int
    durations: Mapping[int, int]
    lm: BatchScorerInterface | None
    lm_weight: float
    joint_start: Graph
    joint_step: Graph
    new_prefixes: Callable[[], Prefixes]
    search: Advance


class TransducerUtterance:
    """The search for one utterance, which may come in pieces: its hypotheses and their label sequences."""

    def __init__(self, model: TransducerModel) -> None:
        self._model = model
        self.options, self.durations = model.options, model.durations
        self.beam_size, self.expansions = model.beam_size, model.expansions
        self.prefixes = model.new_prefixes()
        self._beam = [Scored(self.prefixes.start(), 0.0)]
        self._frames = 0
        self._coming = np.zeros((0, 0), np.float32)
        self._rows: list[dict[Labels, np.ndarray]] = []  # of the frame and some that come
        self._before: Container[Labels] = ()  # sequences whose rows were wanted at the frame before

    def advance(self, x: Any) -> None:
        """Go on by T frames of the encoder output x (T, ·)."""
        frames = as_array(self._model.joint_start({"encoder_out": as_array(x)[None]})["joint_frames"])[0]
        self._beam = self._model.search(self, self._beam, frames, self._frames)
        self._frames += len(frames)

    def nbest(self) -> list[Hypothesis]:
        """The hypotheses so far, best first."""
        closed = [hypothesis._replace(score=self._closed(hypothesis)) for hypothesis in self._beam]
        found = sorted(closed, key=self._rank, reverse=True)[: self.options.nbest]
        blank = self._model.blank
        return [Hypothesis(np.array([blank, *h.labels.tolist()]), h.score, frames=tuple(h.spans())) for h in found]

    def _closed(self, hypothesis: Scored) -> float:
        """The score of a hypothesis whose text ends here."""
        model = self._model
        if model.lm is None or not model.lm.rewards:
            return hypothesis.score
        return hypothesis.score + model.lm_weight * model.lm.end_score(hypothesis.labels.tolist())

    def reward(self, labels: Labels) -> float:
        """The weighted reward for the last of some labels, which is 0 for language models."""
        model = self._model
        if model.lm is None or not model.lm.rewards:
            return 0.0
        return model.lm_weight * model.lm.reward(labels.tolist())

    def _rank(self, hypothesis: Scored) -> float:
        return hypothesis.score / (len(hypothesis.labels) + 1) if self.options.score_norm else hypothesis.score

    def forget_all_but(self, beam: Iterable[Scored]) -> None:
        """Forget what no continuation of these hypotheses needs."""
        self.prefixes.keep((hypothesis.labels for hypothesis in beam), max(1, self.options.prefix_alpha))

    def log_probs(self, frames: np.ndarray, sequences: Sequence[Labels]) -> np.ndarray:
        """Log-probabilities (H, V) of what follows H known sequences at frames (H, J); either may be one for all."""
        decoder_out = np.stack([self.prefixes[labels].decoder_out for labels in sequences])
        joint_frame = np.atleast_2d(frames)
        rows = max(len(decoder_out), len(joint_frame))
        pair = {"joint_frame": joint_frame, "decoder_out": decoder_out}
        feeds = {
            name: (value if len(value) == rows else value.repeat(rows, axis=0))[None] for name, value in pair.items()
        }
        return as_array(self._model.joint_step(feeds)["log_probs"])[0]

    def move(self, coming: np.ndarray) -> None:
        """Go to the next frame, the first of the coming ones (T, J)."""
        self._coming, self._before = coming, self._rows[0].keys() if self._rows else ()
        del self._rows[:1]

    def rows(self, sequences: Iterable[Labels]) -> dict[Labels, np.ndarray]:
        """Log-probabilities (V,) of what follows each of some known sequences at the frame.

        Those that were wanted at the frame before are probably wanted at the next ones, too: weights are read once.
        """
        different = list(dict.fromkeys(sequences))
        missing = [labels for labels in different if not self._rows or labels not in self._rows[0]]
        if missing:
            ahead = all(labels in self._before for labels in missing)
            count = min(len(self._rows) or AHEAD, len(self._coming)) if ahead else 1
            self._rows += [{} for _ in range(count - len(self._rows))]
            log_probs = self.log_probs(self._coming[:count].repeat(len(missing), axis=0), missing * count)
            for known, rows in zip(self._rows, log_probs.reshape(count, len(missing), -1), strict=False):
                known.update(zip(missing, rows, strict=True))
        return {labels: self._rows[0][labels] for labels in different}

    def expand(self, hypothesis: Scored, log_probs: np.ndarray, frame: int) -> list[Scored]:
        """The hypothesis continued at frame number `frame` by each of its likeliest labels, by log_probs (V,)."""
        found = self.expansions_of(hypothesis, log_probs)
        return [self.extended(hypothesis, label, score, frame) for label, score in found]

    def expansions_of(self, hypothesis: Scored, log_probs: np.ndarray) -> list[tuple[int, float]]:
        """The likeliest labels after the hypothesis by log_probs (V,), and its score with each of them."""
        labels = 1 + top_k(log_probs[1:], self.expansions)
        fused = (self.fused(hypothesis.labels, label) for label in labels)
        pairs = zip(labels.tolist(), log_probs[labels].tolist(), fused, strict=True)
        return [(label, hypothesis.score + (log_prob + more)) for label, log_prob, more in pairs]

    def best_expansions(self, hypothesis: Scored, log_probs: np.ndarray) -> Iterator[tuple[int, float]]:
        """`expansions_of` in the order of the scores, of which those behind the first may never be needed."""
        if self.prefixes[hypothesis.labels].lm_scores is None:
            label = 1 + int(log_probs[1:].argmax())
            yield label, hypothesis.score + float(log_probs[label])
            yield from self.expansions_of(hypothesis, log_probs)[1:]
        else:
            found = self.expansions_of(hypothesis, log_probs)
            yield from sorted(found, key=lambda expansion: expansion[1], reverse=True)

    def expand_all(self, hypotheses: Iterable[Scored], log_probs: Iterable[np.ndarray], frame: int) -> Iterator[Scored]:
        """The expansions of hypotheses by log_probs (H, V)."""
        for hypothesis, row in zip(hypotheses, log_probs, strict=True):
            yield from self.expand(hypothesis, row, frame)

    def near_best(self, log_probs: Iterable[np.ndarray]) -> list[list[int]]:
        """Symbols of each of log_probs (H, V) that are among the best and within `expansion_gamma` of the best one."""
        rows = np.stack(list(log_probs))
        count = min(self.beam_size + self.options.expansion_beta, rows.shape[1])
        near = rows >= rows.max(axis=1, keepdims=True) - self.options.expansion_gamma
        if not near.any(axis=1).all():
            return [top_k(row, count).tolist() for row in rows]  # which refuses NaN
        found: list[list[int]] = [[] for _ in rows]
        # np.nonzero of two axes takes ten times as long.
        row_of, symbol_of = np.divmod(np.flatnonzero(near), rows.shape[1])
        order = np.argsort(-rows[row_of, symbol_of], kind="stable")
        for row, symbol in zip(row_of[order].tolist(), symbol_of[order].tolist(), strict=True):
            found[row].append(symbol)
        return [symbols[:count] for symbols in found]

    def continued(self, hypothesis: Scored, label: int, log_prob: float, frame: int) -> Scored:
        """The hypothesis continued at frame number `frame` by a label of that log-probability."""
        score = hypothesis.score + (log_prob + self.fused(hypothesis.labels, label))
        return self.extended(hypothesis, label, score, frame)

    def extended(self, hypothesis: Scored, label: int, score: float, frame: int) -> Scored:
        """The hypothesis continued at frame number `frame` by a label, with which it has that score."""
        labels, _, emitted, resumed = hypothesis
        return Scored(self.prefixes.continued(labels, label), score, Emitted(frame, emitted), resumed)

    @property
    def scores_fall(self) -> bool:
        """Whether no symbol raises the score of a hypothesis: all scorers give logarithms of probabilities."""
        model = self._model
        return model.lm_weight >= 0 and (model.lm is None or not model.lm.rewards)

    def fused(self, labels: Labels, label: int) -> float:
        """The weighted language model score of a label that follows others; 0 without a language model."""
        lm_scores = self.prefixes[labels].lm_scores
        return 0.0 if lm_scores is None else self._model.lm_weight * float(lm_scores[label])
