"""Beam searches over a transducer, of whole utterances and of streams; `transducer_searches` holds them one by one.

Shapes: T frames, J size of the joint space, D of the decoder's output, V labels with the blank, H hypotheses.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from espnet.nets.beam_search import Hypothesis, top_k
from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.tensors import answers_in_kind, as_array
from espnet.nets.transducer_prefixes import Labels, Prefixes
from espnet.nets.transducer_searches import BLANK, SEARCHES, Emitted, Scored
from espnet2.interface.graph import Graph

MOST_PER_FRAME = 1000  # symbols: more would be no search that ends
WHOLE = ("alsd",)  # searches that need the whole utterance


@dataclass(frozen=True)
class TransducerOptions:
    """Options of the searches, named as upstream's `transducer_conf`.

    Attributes:
        search_type: a name in `SEARCHES`.
        max_sym_exp: symbols per frame at most, the blank among them (tsd).
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
        for name in ("max_sym_exp", "nstep"):
            if getattr(self, name) > MOST_PER_FRAME:
                raise ValueError(f"{name}: expected at most {MOST_PER_FRAME} a frame, found {getattr(self, name)}")
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
    """All searches over one model; it holds nothing of an utterance, so that threads may share it.

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
        self.search = SEARCHES["greedy" if beam_size == 1 and name != "mbg" and not self.options.standalone else name]
        self.joint_start, self.joint_step = joint_start, joint_step
        self.beam_size = min(beam_size, vocab_size)
        self.expansions = min(beam_size, vocab_size - 1)
        self.lm_weight = lm_weight
        blanks = self.options.multi_blank_indices
        if len(blanks) != len(self.options.multi_blank_durations) or (name == "mbg" and not blanks):
            raise ValueError("multi_blank_indices: expected a label for each of multi_blank_durations, found others")
        if any(blank >= vocab_size for blank in blanks):
            raise ValueError(f"multi_blank_indices: expected tokens below {vocab_size}, found {max(blanks)}")
        if len(blanks) > 1 and name != "mbg":
            raise ValueError(f"search_type: expected mbg, since the model has several blanks, found {name!r}")
        self.durations = dict(zip(blanks, self.options.multi_blank_durations, strict=True))
        self.blank = blanks[-1] if name == "mbg" else BLANK
        # Upstream's other searches let a language model's sentence start with the blank.
        lm_start = sos if name == "default" or self.options.standalone else self.blank
        self.new_prefixes = functools.partial(Prefixes, decoder, self.blank, lm if lm_weight else None, lm_start)

    @answers_in_kind
    def __call__(self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0) -> list[Hypothesis]:
        """Hypotheses for the encoder output x (T, ·), best first; their sequences start with the blank.

        `maxlenratio` and `minlenratio` are there because other searches have them.
        """
        utterance = TransducerUtterance(self)
        utterance.advance(x)
        return utterance.nbest()


class TransducerUtterance:
    """The search for one utterance, which may come in pieces: its beam, and what is known of its label sequences."""

    def __init__(self, model: BeamSearchTransducer) -> None:
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
        labels = (1 + top_k(log_probs[1:], self.expansions)).tolist()
        return [self.continued(hypothesis, label, float(log_probs[label]), frame) for label in labels]

    def expand_all(self, hypotheses: Iterable[Scored], log_probs: Iterable[np.ndarray], frame: int) -> Iterator[Scored]:
        """The expansions of hypotheses by log_probs (H, V)."""
        for hypothesis, row in zip(hypotheses, log_probs, strict=True):
            yield from self.expand(hypothesis, row, frame)

    def near_best(self, log_probs: np.ndarray) -> list[int]:
        """Symbols of log_probs (V,) that are among the best and within `expansion_gamma` of the best one."""
        symbols = top_k(log_probs, min(self.beam_size + self.options.expansion_beta, len(log_probs)))
        bound = log_probs[symbols[0]] - self.options.expansion_gamma
        return [int(symbol) for symbol in symbols if log_probs[symbol] >= bound]

    def continued(self, hypothesis: Scored, label: int, log_prob: float, frame: int) -> Scored:
        """The hypothesis continued at frame number `frame` by a label of that log-probability."""
        labels, score, emitted, resumed = hypothesis
        score += log_prob + self.fused(labels, label)
        return Scored(self.prefixes.continued(labels, label), score, Emitted(frame, emitted), resumed)

    def fused(self, labels: Labels, label: int) -> float:
        """What the language model adds where a label follows others."""
        lm_scores = self.prefixes[labels].lm_scores
        return 0.0 if lm_scores is None else self._model.lm_weight * float(lm_scores[label])


class BeamSearchTransducerOnline(BeamSearchTransducer):
    """`BeamSearchTransducer` for a stream whose encoder output comes in pieces.

    However the frames are cut, the hypotheses are those for all of them at once. What it keeps is the beam, with what
    its hypotheses and their last few prefixes need to go on.

    Raises:
        ValueError: a search that needs the whole utterance, too.
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        if self.search in (SEARCHES[name] for name in WHOLE):
            others = ", ".join(name for name in SEARCHES if name not in WHOLE)
            raise ValueError(
                f"search_type: expected one that works on a stream ({others}), found {self.options.search_type!r}"
            )
        self.reset()

    @answers_in_kind
    def __call__(
        self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0, is_final: bool = True
    ) -> list[Hypothesis]:
        """Hypotheses for all that was heard up to the T new frames x (T, ·), best first; T may be 0."""
        if len(x):
            self._utterance.advance(x)
        return self._utterance.nbest()

    def reset(self) -> None:
        """Begin another stream."""
        self._utterance = TransducerUtterance(self)
