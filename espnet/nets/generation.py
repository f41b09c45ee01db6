"""Text generation as the package transformers has it for its own models: greedy, or with a beam.

Unlike in `BeamSearch`, hypotheses that ended compete by score per token, and the score of a running one only falls.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from espnet.nets.beam_search import Hypothesis, top_k
from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.tensors import answers_in_kind, as_array

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GenerationRules:
    """Rules of text generation, with the names and meaning of generation_config.json.

    Attributes:
        decoder_start_token_id: first token, which is no part of the text.
        eos_token_id: token that ends a text, or several that do.
        num_beams: hypotheses that run side by side; 1: always the best token.
        max_new_tokens: tokens of the longest text, its end among them.
        length_penalty: power of the length by which the score of an ended hypothesis is divided.
        early_stopping: whether to stop once `num_beams` hypotheses have ended, rather than when no better can come.
        forced_bos_token_id, forced_eos_token_id: the first, and the last possible token of every text, of which the
            latter may be several; None: any.
        no_repeat_ngram_size: no text has the same n tokens twice; 0: it may.
        scale: factor of scores before softmax.
        reads_start: whether the start token counts among the tokens that may not repeat.

    Raises:
        ValueError: a value of another type, or out of its range.
    """

    decoder_start_token_id: int
    eos_token_id: int | Sequence[int]
    num_beams: int = 1
    max_new_tokens: int = 20
    length_penalty: float = 1.0
    early_stopping: bool = False
    forced_bos_token_id: int | None = None
    forced_eos_token_id: int | Sequence[int] | None = None
    no_repeat_ngram_size: int = 0
    scale: float = 1.0
    reads_start: bool = True

    def __post_init__(self) -> None:
        for name in ENDS:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tuple(value) if isinstance(value, list | tuple) else (value,))
        for names, expected, is_valid in CHECKS:
            for name in names:
                if not is_valid(getattr(self, name)):
                    raise ValueError(f"{name}: expected {expected}, found {getattr(self, name)!r}")


def _is_integer(value: Any, least: int) -> bool:
    return type(value) is int and value >= least


MOST = 100_000  # hypotheses or tokens: a search for more would not end in practice
ENDS = ("eos_token_id", "forced_eos_token_id")
# Names of rules, the values that are expected, and the check of a value.
CHECKS: tuple[tuple[tuple[str, ...], str, Callable[[Any], bool]], ...] = (
    (
        ("num_beams", "max_new_tokens"),
        f"a number from 1 to {MOST}",
        lambda value: _is_integer(value, 1) and value <= MOST,
    ),
    (("no_repeat_ngram_size",), "a number from 0", lambda value: _is_integer(value, 0)),
    (("decoder_start_token_id",), "a token's index", lambda value: _is_integer(value, 0)),
    (("forced_bos_token_id",), "a token's index or None", lambda value: value is None or _is_integer(value, 0)),
    (ENDS[:1], "indices of tokens", lambda value: bool(value) and all(_is_integer(token, 0) for token in value)),
    (ENDS[1:], "indices of tokens or None", lambda value: all(_is_integer(token, 0) for token in value or ())),
    (("early_stopping", "reads_start"), "true or false", lambda value: type(value) is bool),
    (("length_penalty",), "a finite number", lambda value: type(value) in (int, float) and math.isfinite(value)),
    (("scale",), "a positive number", lambda value: type(value) in (int, float) and 0.0 < value < math.inf),
)


@dataclass(frozen=True)
class _Running:
    """H hypotheses of one length: yseq (H, U), score (H,), and their states."""

    yseq: np.ndarray
    score: np.ndarray
    states: Sequence[Any]


class Generation:
    """Text generation with one scorer, an attention decoder or a prompted language model."""

    def __init__(self, scorer: BatchScorerInterface, rules: GenerationRules) -> None:
        self.scorer = scorer
        self.rules = rules
        self._ends = np.atleast_1d(rules.eos_token_id)

    @answers_in_kind
    def __call__(self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0) -> list[Hypothesis]:
        """Hypotheses for encoder output x (T, D), best first: start token, tokens, and the last token, which is the end
        symbol unless the text was cut. A hypothesis that the rules allow no token ends there. The ratios, which other
        searches have, do nothing."""
        rules, x = self.rules, as_array(x)
        running = _Running(np.array([[rules.decoder_start_token_id]]), np.zeros(1), [self.scorer.batch_init_state(x)])
        ended: list[Hypothesis] = []
        for length in range(1, rules.max_new_tokens + 1):
            running, just_ended = self._step(running, length, x)
            ended = sorted([*ended, *just_ended], key=lambda hyp: hyp.score, reverse=True)[: rules.num_beams]
            if not len(running.yseq) or self._is_over(running, ended, length):
                break
        _log.debug("%d hypotheses, the best of %d tokens", len(ended), len(ended[0].yseq) - 1)
        return ended

    def _step(self, running: _Running, length: int, x: np.ndarray) -> tuple[_Running, list[Hypothesis]]:
        """The hypotheses that run on with `length` tokens, and those of the best that ended there."""
        rules = self.rules
        xs = np.broadcast_to(x, (len(running.yseq), *x.shape))
        scores, states = self.scorer.batch_score(running.yseq, running.states, xs)
        total = running.score[:, None] + self._ruled(scores.astype(np.float64), running.yseq, length)
        best = top_k(total.ravel(), max(2, 1 + len(self._ends)) * rules.num_beams)
        best = best[np.isfinite(total.ravel()[best])]
        if not len(best):
            normed = running.score / max(length - 1, 1) ** rules.length_penalty
            ended = [Hypothesis(*pair) for pair in zip(running.yseq, normed.tolist(), strict=True)]
            return _Running(running.yseq[:0], running.score[:0], []), ended
        parents, tokens = np.divmod(best, scores.shape[1])
        yseq, score = np.concatenate([running.yseq[parents], tokens[:, None]], axis=1), total[parents, tokens]
        at_end = np.isin(tokens, self._ends) | (length == rules.max_new_tokens)
        normed = score / length**rules.length_penalty
        ended = [Hypothesis(yseq[i], float(normed[i])) for i in np.flatnonzero(at_end[: rules.num_beams])]
        on = np.flatnonzero(~at_end)[: rules.num_beams]
        return _Running(
            yseq[on], score[on], [self.scorer.select_state(states, parent) for parent in parents[on]]
        ), ended

    def _ruled(self, log_probs: np.ndarray, yseq: np.ndarray, length: int) -> np.ndarray:
        """Log-probabilities (H, V) of token number `length`, with -inf where the rules forbid a token."""
        rules = self.rules
        if rules.scale != 1.0:
            scaled = log_probs * rules.scale
            log_probs = scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)
        for row, tokens in zip(log_probs, yseq[:, 0 if rules.reads_start else 1 :], strict=True):
            row[_repeating(tokens.tolist(), rules.no_repeat_ngram_size)] = -np.inf
        forced = {rules.max_new_tokens: rules.forced_eos_token_id, 1: rules.forced_bos_token_id}.get(length)
        if forced is not None:
            allowed = np.isin(np.arange(log_probs.shape[1]), forced)
            log_probs = np.where(allowed, 0.0, -np.inf) + np.zeros_like(log_probs)
        return log_probs

    def _is_over(self, running: _Running, ended: Sequence[Hypothesis], length: int) -> bool:
        """Whether nothing better can come: enough has ended, and the best that runs is worse than all of it."""
        rules = self.rules
        if len(ended) < rules.num_beams:
            return False
        hopeless = running.score[0] / length**rules.length_penalty <= ended[-1].score
        return rules.early_stopping or rules.num_beams == 1 or bool(hopeless)


def _repeating(tokens: list[int], size: int) -> list[int]:
    """Tokens that would repeat an n-gram of `size` tokens; none where that is 0."""
    before = tokens[len(tokens) + 1 - size :] if size > 0 else []
    starts = range(len(tokens) + 1 - size) if size > 0 and len(tokens) + 1 >= size else range(0)
    return [tokens[start + size - 1] for start in starts if tokens[start : start + size - 1] == before]
