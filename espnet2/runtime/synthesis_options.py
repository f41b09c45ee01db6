"""Options of speech synthesis: names, meaning and defaults are upstream's, and so are those of command lines."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields

from espnet2.interface.spec import Component
from espnet2.runtime.option_fields import OptionFields, is_finite, is_integer, option, require

MOST_ALPHA = 100.0  # what is slower than that is no speech
MOST_STEPS = 1000
MOST_RATIO = 1000.0  # frames for each token; where a model never predicts the end, what is above does not end
CUT, REFUSE = LONG_TEXTS = ("cut", "refuse")
VOCODER = "vocoder"  # a graph whose noise no option scales
# Options that have an effect where a graph of this name, an input of this name, or an output of this name is there.
OF_GRAPHS = {
    "decoder_step": (
        "threshold",
        "minlenratio",
        "maxlenratio",
        "use_att_constraint",
        "backward_window",
        "forward_window",
    )
}
OF_INPUTS = {"noise": ("noise_scale",), "noise_durations": ("noise_scale_dur",)}
OF_OUTPUTS = {"log_durations": ("speed_control_alpha",)}
OF_NOISE = ("seed", "always_fix_seed")
OF_COMMANDS = {"seed": 0}  # defaults of upstream's commands, where those of its class are others
OF_GRIFFIN_LIM = ("griffin_lim_iters",)  # besides those of noise

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SynthesisOptions(OptionFields):
    """Options of a synthesiser; raises `OptionError` for a value that is not allowed."""

    purpose = "synthesis"

    threshold: float = option(0.5, "of the probability of the end, for models that predict it")
    minlenratio: float = option(0.0, "fewest frames per token, for such models")
    maxlenratio: float = option(10.0, "most frames per token, for such models")
    use_teacher_forcing: bool = option(False, "speak with durations, pitch and energy that are given")
    use_att_constraint: bool = option(False, "attend near the place before only, for models with attention")
    backward_window: int = option(1, "tokens before that place")
    forward_window: int = option(3, "tokens behind that place")
    speed_control_alpha: float = option(1.0, "factor of durations; above 1 is slower")
    noise_scale: float = option(0.667, "of the noise of models that draw some")
    noise_scale_dur: float = option(0.8, "of the noise of their durations")
    seed: int = option(777, "of random numbers: noise, and phases where there is no vocoder")
    always_fix_seed: bool = option(False, "begin with the seed at every text")
    prefer_normalized_feats: bool = option(False, "give a vocoder features as the model makes them")
    griffin_lim_iters: int = option(8, "steps of the Griffin-Lim algorithm, where there is no vocoder")
    max_text_length: int = option(1000, "longest piece of a text in characters; longer texts are cut at sentence ends")
    long_text: str = option(CUT, f"what becomes of longer texts: {' or '.join(LONG_TEXTS)}")
    batch_size: int = option(1, "texts that go through the graphs together")

    def __post_init__(self) -> None:
        alpha, steps = self.speed_control_alpha, self.griffin_lim_iters
        fits = is_finite(alpha) and 0 < alpha <= MOST_ALPHA
        require(fits, "speed_control_alpha", f"above 0 and at most {MOST_ALPHA:g}", alpha)
        require(is_integer(steps) and 0 <= steps <= MOST_STEPS, "griffin_lim_iters", f"from 0 to {MOST_STEPS}", steps)
        require(is_integer(self.seed) and self.seed >= 0, "seed", "an integer of at least 0", self.seed)
        for name in ("max_text_length", "batch_size"):
            value = getattr(self, name)
            require(is_integer(value) and value >= 1, name, "an integer of at least 1", value)
        require(self.long_text in LONG_TEXTS, "long_text", f"one of {', '.join(LONG_TEXTS)}", self.long_text)
        for name in ("minlenratio", "maxlenratio"):
            ratio = getattr(self, name)
            require(is_finite(ratio) and 0 <= ratio <= MOST_RATIO, name, f"from 0 to {MOST_RATIO:g}", ratio)
        require(is_finite(self.threshold), "threshold", "a finite number", self.threshold)
        for name in ("noise_scale", "noise_scale_dur"):
            scale = getattr(self, name)
            require(is_finite(scale) and scale >= 0, name, "a finite number of at least 0", scale)
        for name in ("use_teacher_forcing", "use_att_constraint", "always_fix_seed", "prefer_normalized_feats"):
            require(isinstance(getattr(self, name), bool), name, "True or False", getattr(self, name))
        for name in ("backward_window", "forward_window"):
            require(is_integer(getattr(self, name)), name, "an integer", getattr(self, name))


def unread_options(components: Sequence[Component]) -> list[str]:
    """Names of the options that nothing reads in a synthesiser of these graphs, in their order."""
    names = {component.name for component in components}
    own = [component for component in components if component.name != VOCODER]
    inputs = {tensor.name for component in own for tensor in component.inputs}
    outputs = {tensor.name for component in own for tensor in component.outputs}
    unread = {
        option
        for table, found in ((OF_GRAPHS, names), (OF_INPUTS, inputs), (OF_OUTPUTS, outputs))
        for name, options in table.items()
        if name not in found
        for option in options
    }
    if VOCODER in names:
        unread |= set(OF_GRIFFIN_LIM)
        drawn = any(tensor.noise for component in components for tensor in component.inputs)
        unread |= set() if drawn else set(OF_NOISE)
    return [item.name for item in fields(SynthesisOptions) if item.name in unread]


def warn_of_unread(options: SynthesisOptions, components: Sequence[Component]) -> None:
    """Log one line that names the options of other values than their defaults that nothing reads.

    Args:
        options: Of a synthesiser.
        components: Its graphs; without a vocoder, Griffin-Lim makes samples.
    """
    defaults = {item.name: item.default for item in fields(options)}
    values = {name: getattr(options, name) for name in unread_options(components)}
    found = [f"{n} {value}" for n, value in values.items() if value not in (defaults[n], OF_COMMANDS.get(n))]
    if found:
        _log.warning("without effect on this model: %s", ", ".join(found))
