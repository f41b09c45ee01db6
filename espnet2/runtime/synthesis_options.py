"""Options of speech synthesis: names, meaning and defaults are upstream's, and so are those of command lines."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from espnet2.interface.errors import OptionError

MOST_ALPHA = 100.0  # what is slower than that is no speech
MOST_STEPS = 10_000


def _option(default: Any, text: str) -> Any:
    """An option with its help."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class SynthesisOptions:
    """Options of a synthesiser; raises `OptionError` for a value that is not allowed."""

    threshold: float = _option(0.5, "of the probability of the end, for models that predict it")
    minlenratio: float = _option(0.0, "fewest frames per token, for such models")
    maxlenratio: float = _option(10.0, "most frames per token, for such models")
    use_teacher_forcing: bool = _option(False, "speak with durations, pitch and energy that are given")
    use_att_constraint: bool = _option(False, "attend near the place before only, for models with attention")
    backward_window: int = _option(1, "tokens before that place")
    forward_window: int = _option(3, "tokens behind that place")
    speed_control_alpha: float = _option(1.0, "factor of durations; above 1 is slower")
    noise_scale: float = _option(0.667, "of the noise of models that draw some")
    noise_scale_dur: float = _option(0.8, "of the noise of their durations")
    seed: int = _option(777, "of random numbers: noise, and phases where there is no vocoder")
    always_fix_seed: bool = _option(False, "begin with the seed at every text")
    prefer_normalized_feats: bool = _option(False, "give a vocoder features as the model makes them")
    griffin_lim_iters: int = _option(8, "steps of the Griffin-Lim algorithm, where there is no vocoder")

    @classmethod
    def from_keywords(cls, options: Mapping[str, Any]) -> SynthesisOptions:
        """The options of keyword arguments; raises `OptionError` for one that is not known."""
        known = [option.name for option in fields(cls)]
        for name in options:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise OptionError(f"{name}: expected an option of synthesis, found an unknown name{hint}")
        return cls(**options)

    def __post_init__(self) -> None:
        alpha, steps = self.speed_control_alpha, self.griffin_lim_iters
        _require(_is_finite(alpha) and 0 < alpha <= MOST_ALPHA, "speed_control_alpha", f"from 0 to {MOST_ALPHA}", alpha)
        _require(_is_integer(steps) and 0 <= steps <= MOST_STEPS, "griffin_lim_iters", f"from 0 to {MOST_STEPS}", steps)
        _require(_is_integer(self.seed) and self.seed >= 0, "seed", "an integer of at least 0", self.seed)
        for name in ("threshold", "minlenratio", "maxlenratio", "noise_scale", "noise_scale_dur"):
            _require(_is_finite(getattr(self, name)), name, "a finite number", getattr(self, name))
        for name in ("use_teacher_forcing", "use_att_constraint", "always_fix_seed", "prefer_normalized_feats"):
            _require(isinstance(getattr(self, name), bool), name, "True or False", getattr(self, name))
        for name in ("backward_window", "forward_window"):
            _require(_is_integer(getattr(self, name)), name, "an integer", getattr(self, name))


def _require(condition: bool, name: str, expected: str, found: Any) -> None:
    if not condition:
        raise OptionError(f"{name}: expected {expected}, found {found!r}")


def _is_integer(value: Any) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool) and math.isfinite(value)
