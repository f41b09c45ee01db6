"""Searches over a transducer: which labels does it emit, frame after frame?

A hypothesis is a label sequence and its score, for what decoder and language model make of a sequence depends on the
sequence alone: each is read once (`Prefixes`), and the searches shuffle pairs.

- default: A. Graves, "Sequence transduction with recurrent neural networks", 2012, without merging of equal sequences.
- tsd, alsd: G. Saon et al., "Alignment-length synchronous decoding for RNN transducer", 2020.
- nsc: J. Kim et al., "Accelerating RNN transducer inference via one-step constrained beam search", 2020.
- maes: J. Kim et al., "Accelerating RNN transducer inference via adaptive expansion search", 2020.
- greedy: the best symbol of each frame.
- mbg: H. Xu et al., "Multi-blank transducers for speech recognition", 2022, greedy too.

Shapes: T frames, J size of the joint space, D of the decoder's output, V labels with the blank, H hypotheses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from espnet.nets.beam_search import Hypothesis, top_k
from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.scorers.step import Graph
from espnet.nets.transducer_prefixes import Labels, Prefixes

BLANK = 0  # but for transducers with several blanks
LABELS_PER_FRAME = 4  # of mbg, upstream's number


class Scored(NamedTuple):
    """A label sequence, without the blank that decoders start with, and its log-probability."""

    labels: Labels
    score: float


@dataclass(frozen=True)
class TransducerOptions:
    """Options of the searches, named as upstream's `transducer_conf`.

    Attributes:
        search_type: a name in `SEARCHES`.
        max_sym_exp: labels per frame at most (tsd).
        u_max: labels of a sequence at most (alsd).
        nstep: expansions per frame (nsc; maes, at least 2).
        prefix_alpha: labels by which a prefix may be shorter than the sequence whose score it gets (nsc, maes).
        expansion_gamma: what an expansion's score may be below the best one's (maes).
        expansion_beta: expansions of a hypothesis beyond `beam_size` (maes).
        score_norm: rank the n-best list by score per label.
        score_norm_during: take the hypothesis with the best score per label first (default).
        nbest: hypotheses returned; None for all.
        standalone: search as upstream does for espnet2.asr_transducer: a beam of 1 is searched like any other, a
            language model's sentence starts with its start symbol, and maes adds up equal sequences at the end of a
            frame where it else looks for prefixes.
        multi_blank_durations, multi_blank_indices: frames that each blank lasts, and its label; the last one is the
            blank that sequences start with (mbg).
    """

    search_type: str = "default"
    max_sym_exp: int = 2
    u_max: int = 50
    nstep: int = 1
    prefix_alpha: int = 1
    expansion_gamma: float = 2.3
    expansion_beta: int = 2
    score_norm: bool = True
    score_norm_during: bool = False
    nbest: int | None = None
    standalone: bool = False
    multi_blank_durations: Sequence[int] = field(default=())
    multi_blank_indices: Sequence[int] = field(default=())

    def __post_init__(self) -> None:
        lowest = {"max_sym_exp": 1, "u_max": 1, "nstep": 1, "prefix_alpha": 0, "expansion_beta": 0, "nbest": 1}
        for name, least in lowest.items():
            value = getattr(self, name)
            if (value is not None or name != "nbest") and (type(value) is not int or value < least):
                raise ValueError(f"{name}: expected an integer of at least {least}, found {value!r}")
        for name in ("score_norm", "score_norm_during", "standalone"):
            if type(getattr(self, name)) is not bool:
                raise ValueError(f"{name}: expected True or False, found {getattr(self, name)!r}")
        gamma = self.expansion_gamma
        if type(gamma) not in (int, float) or not gamma >= 0:
            raise ValueError(f"expansion_gamma: expected a number of at least 0, found {gamma!r}")
        for name, least in {"multi_blank_durations": 1, "multi_blank_indices": 0}.items():
            values = getattr(self, name)
            if not isinstance(values, list | tuple) or any(type(v) is not int or v < least for v in values):
                raise ValueError(f"{name}: expected a list of integers of at least {least}, found {values!r}")


class BeamSearchTransducer:
    """All searches over one model.

    Args:
        decoder: see `Prefixes`.
        joint_start: projects encoder_out (1, T, ·) to joint_frames (1, T, J).
        joint_step: joint_frame (1, H, J) and decoder_out (1, H, D) to log-probabilities (1, H, V).
        beam_size: hypotheses kept; 1 makes the search greedy.
        vocab_size: V.
        sos: what a language model's sentence starts with.
        lm: language model.
        lm_weight: its weight.
        options: of the search.

    Raises:
        ValueError: an unknown `search_type`, or an option that does not fit it.
    """

    def __init__(
        self,
        decoder: Graph,
        joint_start: Graph,
        joint_step: Graph,
        beam_size: int,
        vocab_size: int,
        sos: int,
        lm: BatchScorerInterface | None = None,
        lm_weight: float = 0.0,
        options: TransducerOptions | None = None,
    ) -> None:
        self.options = options or TransducerOptions()
        name = self.options.search_type
        if name not in SEARCHES:
            raise ValueError(f"search_type: expected one of {', '.join(SEARCHES)}, found {name!r}")
        self._search = SEARCHES["greedy" if beam_size == 1 and name != "mbg" and not self.options.standalone else name]
        self._joint_start, self._joint_step = joint_start, joint_step
        self.beam_size = min(beam_size, vocab_size)
        self.expansions = min(beam_size, vocab_size - 1)
        self.lm_weight = lm_weight
        blanks = self.options.multi_blank_indices
        if len(blanks) != len(self.options.multi_blank_durations) or (name == "mbg" and not blanks):
            raise ValueError("multi_blank_indices: expected a label for each of multi_blank_durations, found others")
        if any(blank >= vocab_size for blank in blanks):
            raise ValueError(f"multi_blank_indices: expected tokens below {vocab_size}, found {max(blanks)}")
        self.durations = dict(zip(blanks, self.options.multi_blank_durations, strict=True))
        self.blank = blanks[-1] if name == "mbg" else BLANK
        # Upstream's other searches let a language model's sentence start with the blank.
        lm_start = sos if name == "default" or self.options.standalone else self.blank
        self.prefixes = Prefixes(decoder, self.blank, lm if lm_weight else None, lm_start)

    def __call__(self, x: np.ndarray, maxlenratio: float = 0.0, minlenratio: float = 0.0) -> list[Hypothesis]:
        """Hypotheses for the encoder output x (T, ·), best first; their sequences start with the blank.

        `maxlenratio` and `minlenratio` are there because other searches have them.
        """
        self.prefixes.start(x)
        frames = self._joint_start({"encoder_out": x[None]})["joint_frames"].numpy()[0]
        found = sorted(self._search(self, frames), key=self._rank, reverse=True)
        found = found[: self.options.nbest]
        return [Hypothesis(np.array([self.blank, *labels]), score) for labels, score in found]

    def _rank(self, hypothesis: Scored) -> float:
        return hypothesis.score / (len(hypothesis.labels) + 1) if self.options.score_norm else hypothesis.score

    def log_probs(self, frames: np.ndarray, sequences: Sequence[Labels]) -> np.ndarray:
        """Log-probabilities (H, V) of what follows known sequences at frames (H or 1, J)."""
        decoder_out = np.stack([self.prefixes[labels].decoder_out for labels in sequences])
        joint_frame = np.array(np.broadcast_to(frames, (len(sequences), frames.shape[-1])))
        results = self._joint_step({"joint_frame": joint_frame[None], "decoder_out": decoder_out[None]})
        return results["log_probs"].numpy()[0]

    def expand(self, hypothesis: Scored, log_probs: np.ndarray) -> list[Scored]:
        """The hypothesis continued by each of its likeliest labels, by log_probs (V,)."""
        labels = 1 + top_k(log_probs[1:], self.expansions)
        return [self.continued(hypothesis, int(label), float(log_probs[label])) for label in labels]

    def expand_all(self, hypotheses: Iterable[Scored], log_probs: Iterable[np.ndarray]) -> Iterator[Scored]:
        """The expansions of hypotheses by log_probs (H, V)."""
        for hypothesis, row in zip(hypotheses, log_probs, strict=True):
            yield from self.expand(hypothesis, row)

    def near_best(self, log_probs: np.ndarray) -> list[int]:
        """Symbols of log_probs (V,) that are among the best and within `expansion_gamma` of the best one."""
        symbols = top_k(log_probs, min(self.beam_size + self.options.expansion_beta, len(log_probs)))
        bound = log_probs[symbols[0]] - self.options.expansion_gamma
        return [int(symbol) for symbol in symbols if log_probs[symbol] >= bound]

    def continued(self, hypothesis: Scored, label: int, log_prob: float) -> Scored:
        """The hypothesis continued by a label of that log-probability."""
        score = hypothesis.score + log_prob + self.fused(hypothesis.labels, label)
        return Scored((*hypothesis.labels, label), score)

    def fused(self, labels: Labels, label: int) -> float:
        """What the language model adds where a label follows others."""
        lm_scores = self.prefixes[labels].lm_scores
        return 0.0 if lm_scores is None else self.lm_weight * float(lm_scores[label])


def best(hypotheses: Iterable[Scored], size: int) -> list[Scored]:
    """The `size` best of some hypotheses, best first."""
    return sorted(hypotheses, key=_score, reverse=True)[:size]


def merged(hypotheses: Iterable[Scored]) -> list[Scored]:
    """Equal sequences as one, with the sum of their probabilities."""
    total: dict[Labels, float] = {}
    for labels, score in hypotheses:
        total[labels] = np.logaddexp(total[labels], score) if labels in total else score
    return [Scored(labels, float(score)) for labels, score in total.items()]


def _score(hypothesis: Scored) -> float:
    return hypothesis.score


def _sequences(hypotheses: Iterable[Scored]) -> list[Labels]:
    return [hypothesis.labels for hypothesis in hypotheses]


def ended(hypotheses: Iterable[Scored], log_probs: Iterable[np.ndarray]) -> list[Scored]:
    """The hypotheses after a blank at the frame of log_probs (H, V)."""
    return [Scored(h.labels, h.score + float(row[BLANK])) for h, row in zip(hypotheses, log_probs, strict=True)]


def greedy(search: BeamSearchTransducer, frames: np.ndarray) -> list[Scored]:
    """The best symbol of each frame."""
    found = Scored((), 0.0)
    for frame in frames:
        (log_probs,) = search.log_probs(frame, [found.labels])
        label = int(log_probs.argmax())
        if label != BLANK:
            found = Scored((*found.labels, label), found.score + float(log_probs[label]))
            search.prefixes.read([found.labels])
    return [found]


def multi_blank_greedy(search: BeamSearchTransducer, frames: np.ndarray) -> list[Scored]:
    """The best symbol at each frame until a blank comes, which skips as many frames as it lasts."""
    found, frame, emitted = Scored((), 0.0), 0, 0
    while frame < len(frames):
        (log_probs,) = search.log_probs(frames[frame], [found.labels])
        symbol = int(log_probs.argmax())
        score = found.score + float(log_probs[symbol])
        if symbol in search.durations:
            found = Scored(found.labels, score)
            frame, emitted = frame + search.durations[symbol], 0
            continue
        found = Scored((*found.labels, symbol), score)
        search.prefixes.read([found.labels])
        emitted += 1
        if emitted == LABELS_PER_FRAME:
            frame, emitted = frame + 1, 0
    return [found]


def default(search: BeamSearchTransducer, frames: np.ndarray) -> list[Scored]:
    """At each frame, hypotheses are continued best first, until enough that emitted the blank are better than any."""
    kept = [Scored((), 0.0)]

    def rank(hypothesis: Scored) -> float:
        length = len(hypothesis.labels) + 1 if search.options.score_norm_during else 1
        return hypothesis.score / length

    for frame in frames:
        running, kept = kept, []
        while True:
            hypothesis = max(running, key=rank)
            running.remove(hypothesis)
            search.prefixes.read([hypothesis.labels])
            (log_probs,) = search.log_probs(frame, [hypothesis.labels])
            kept.append(Scored(hypothesis.labels, hypothesis.score + float(log_probs[BLANK])))
            running += search.expand(hypothesis, log_probs)
            bound = max(running, key=rank).score
            better = [other for other in kept if other.score > bound]
            if len(better) >= search.beam_size:
                kept = best(better, len(better))
                break
    return kept


def time_synchronous(search: BeamSearchTransducer, frames: np.ndarray) -> list[Scored]:
    """At each frame, up to `max_sym_exp` labels, with the blank at the end."""
    beam = [Scored((), 0.0)]
    for frame in frames:
        blanks: list[Scored] = []
        running = beam
        for remaining in reversed(range(search.options.max_sym_exp)):
            search.prefixes.read(_sequences(running))
            log_probs = search.log_probs(frame, _sequences(running))
            blanks += ended(running, log_probs)
            if remaining:
                running = best(search.expand_all(running, log_probs), search.beam_size)
        beam = best(merged(blanks), search.beam_size)
    return beam


def alignment_length_synchronous(search: BeamSearchTransducer, frames: np.ndarray) -> list[Scored]:
    """All hypotheses have emitted as many symbols, blanks and labels, and so are at different frames."""
    beam, final = [Scored((), 0.0)], []
    last = len(frames) - 1
    for emitted in range(len(frames) + min(search.options.u_max, last)):
        running = [hypothesis for hypothesis in beam if emitted - len(hypothesis.labels) <= last]
        if not running:
            break
        at = np.array([emitted - len(hypothesis.labels) for hypothesis in running])
        search.prefixes.read(_sequences(running))
        candidates: list[Scored] = []
        for hypothesis, frame, row in zip(running, at, search.log_probs(frames[at], _sequences(running)), strict=True):
            blank = Scored(hypothesis.labels, hypothesis.score + float(row[BLANK]))
            candidates.append(blank)
            if frame == last:
                final.append(blank)
            candidates += search.expand(hypothesis, row)
        beam = merged(best(candidates, search.beam_size))
    return final or beam


def add_prefixes(search: BeamSearchTransducer, hypotheses: Collection[Scored], frame: np.ndarray) -> list[Scored]:
    """Add to each hypothesis what others that are a prefix of it get when they emit the rest at this frame."""
    longest_first = sorted(hypotheses, key=lambda h: len(h.labels), reverse=True)
    found = []
    for index, hypothesis in enumerate(longest_first):
        labels, score = hypothesis
        for prefix in longest_first[index + 1 :]:
            known = len(prefix.labels)
            if labels[:known] != prefix.labels or not 0 < len(labels) - known <= search.options.prefix_alpha:
                continue
            between = [labels[:length] for length in range(known, len(labels))]
            emitted = search.log_probs(frame, between)[np.arange(len(between)), list(labels[known:])]
            score = float(np.logaddexp(score, prefix.score + float(emitted.sum())))
        found.append(Scored(labels, score))
    return found


def step_constrained(search: BeamSearchTransducer, frames: np.ndarray) -> list[Scored]:
    """At each frame `nstep` labels at most, for all hypotheses at once."""
    kept = [Scored((), 0.0)]
    for frame in frames:
        running = add_prefixes(search, kept, frame)
        blanks: list[Scored] = []
        for _ in range(search.options.nstep):
            log_probs = search.log_probs(frame, _sequences(running))
            blanks += ended(running, log_probs)
            known = set(_sequences(running))
            expanded = (new for new in search.expand_all(running, log_probs) if new.labels not in known)
            running = best(expanded, search.beam_size)
            search.prefixes.read(_sequences(running))
        if search.options.nstep > 1:  # with one step, upstream lets the frame end without a blank
            running = ended(running, search.log_probs(frame, _sequences(running)))
        kept = best([*blanks, *running], search.beam_size)
    return kept


def adaptive_expansion(search: BeamSearchTransducer, frames: np.ndarray) -> list[Scored]:
    """At each frame `nstep` expansions at most, of those symbols alone that are nearly as good as the best one."""
    kept, alone = [Scored((), 0.0)], search.options.standalone
    for frame in frames:
        running = kept if alone else add_prefixes(search, kept, frame)
        known = set() if alone else set(_sequences(running))
        blanks: list[Scored] = []
        for _ in range(max(1 if alone else 2, search.options.nstep)):
            log_probs = search.log_probs(frame, _sequences(running))
            pairs = zip(running, log_probs, strict=True)
            near = [(hypothesis, row, symbol) for hypothesis, row in pairs for symbol in search.near_best(row)]
            blanks += [Scored(h.labels, h.score + float(row[BLANK])) for h, row, symbol in near if symbol == BLANK]
            labels = (case for case in near if case[2] != BLANK and (*case[0].labels, case[2]) not in known)
            running = [search.continued(h, symbol, float(row[symbol])) for h, row, symbol in labels]
            search.prefixes.read(_sequences(running))
            if not running:
                break
        if running:
            running = ended(running, search.log_probs(frame, _sequences(running)))
        found = [*blanks, *running]
        kept = best(merged(found) if alone else found, search.beam_size)
    return kept


SEARCHES: dict[str, Callable[[BeamSearchTransducer, np.ndarray], list[Scored]]] = {
    "default": default,
    "greedy": greedy,
    "tsd": time_synchronous,
    "alsd": alignment_length_synchronous,
    "nsc": step_constrained,
    "maes": adaptive_expansion,
    "mbg": multi_blank_greedy,
}
