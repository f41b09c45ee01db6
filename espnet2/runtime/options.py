"""The decoding options: names, meaning and defaults are upstream's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from espnet2.runtime.errors import OptionError


@dataclass(frozen=True)
class DecodeOptions:
    """Options of a recogniser; raises `OptionError` for a value that is not allowed.

    Args:
        beam_size: Hypotheses kept at every step.
        ctc_weight: Weight of the CTC prefix score; the decoder's is 1 - ctc_weight.
        lm_weight: Weight of the language model, where there is one.
        ngram_weight: Weight of the n-gram model, where there is one.
        penalty: Added to the score for every token.
        maxlenratio: Longest output in tokens per frame of the encoder; 0: until no better hypothesis can come; a
            negative value: that many tokens.
        minlenratio: Shortest output in tokens per frame.
        nbest: Hypotheses returned.
        normalize_length: Rank hypotheses by score per token.
        batch_size: Utterances that the encoder takes at once.
    """

    beam_size: int = 20
    ctc_weight: float = 0.5
    lm_weight: float = 1.0
    ngram_weight: float = 0.9
    penalty: float = 0.0
    maxlenratio: float = 0.0
    minlenratio: float = 0.0
    nbest: int = 1
    normalize_length: bool = False
    batch_size: int = 1

    def __post_init__(self) -> None:
        for name in ("beam_size", "nbest", "batch_size"):
            value = getattr(self, name)
            _require(_is_integer(value) and value >= 1, name, "an integer of at least 1", value)
        for name in ("ctc_weight", "lm_weight", "ngram_weight", "penalty", "maxlenratio", "minlenratio"):
            _require(_is_finite(getattr(self, name)), name, "a finite number", getattr(self, name))
        _require(0 <= self.ctc_weight <= 1, "ctc_weight", "a number from 0 to 1", self.ctc_weight)
        valid = isinstance(self.normalize_length, bool)
        _require(valid, "normalize_length", "True or False", self.normalize_length)


def _require(condition: bool, name: str, expected: str, found: Any) -> None:
    if not condition:
        raise OptionError(f"{name}: expected {expected}, found {found!r}")


def _is_integer(value: Any) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool) and math.isfinite(value)
