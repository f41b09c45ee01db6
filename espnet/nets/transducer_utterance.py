"""Hypotheses of a transducer for one utterance, and what its searches compute of them.

Shapes: T frames, J size of the joint space, D of the decoder's output, V labels with the blank, H hypotheses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from espnet.nets.beam_search import Hypothesis, top_k
from espnet.nets.tensors import as_array
from espnet.nets.transducer_options import TransducerOptions
from espnet.nets.transducer_prefixes import Labels, Prefixes
from espnet2.interface.graph import Graph


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
        new_prefixes: makes the label sequences of an utterance.
        search: extends hypotheses by frames.
    """

    options: TransducerOptions
    beam_size: int
    expansions: int
    blank: int
    durations: Mapping[int, int]
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

    def advance(self, x: Any) -> None:
        """Go on by T frames of the encoder output x (T, ·)."""
        frames = as_array(self._model.joint_start({"encoder_out": as_array(x)[None]})["joint_frames"])[0]
        self._beam = self._model.search(self, self._beam, frames, self._frames)
        self._frames += len(frames)

    def nbest(self) -> list[Hypothesis]:
        """The hypotheses so far, best first."""
        found = sorted(self._beam, key=self._rank, reverse=True)[: self.options.nbest]
        blank = self._model.blank
        return [Hypothesis(np.array([blank, *h.labels.tolist()]), h.score, frames=tuple(h.spans())) for h in found]

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

    def rows(self, frame: np.ndarray, sequences: Iterable[Labels]) -> dict[Labels, np.ndarray]:
        """Log-probabilities (V,) of what follows each of some known sequences at a frame (J,)."""
        different = list(dict.fromkeys(sequences))
        return dict(zip(different, self.log_probs(frame, different), strict=True))

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

    def expand_all(self, hypotheses: Iterable[Scored], log_probs: Iterable[np.ndarray], frame: int) -> Iterator[Scored]:
        """The expansions of hypotheses by log_probs (H, V)."""
        for hypothesis, row in zip(hypotheses, log_probs, strict=True):
            yield from self.expand(hypothesis, row, frame)

    def near_best(self, log_probs: np.ndarray) -> list[int]:
        """Symbols of log_probs (V,) that are among the best and within `expansion_gamma` of the best one."""
        count = min(self.beam_size + self.options.expansion_beta, len(log_probs))
        near = np.flatnonzero(log_probs >= log_probs.max() - self.options.expansion_gamma)
        near = near if len(near) else top_k(log_probs, count)  # which refuses NaN
        return near[np.argsort(-log_probs[near], kind="stable")[:count]].tolist()

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
        return self._model.lm_weight >= 0

    def fused(self, labels: Labels, label: int) -> float:
        """The weighted language model score of a label that follows others; 0 without a language model."""
        lm_scores = self.prefixes[labels].lm_scores
        return 0.0 if lm_scores is None else self._model.lm_weight * float(lm_scores[label])
