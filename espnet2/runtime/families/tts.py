"""Text to speech: models that predict how long each token lasts, and models that speak step by step."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from espnet2.interface.check import Check
from espnet2.interface.errors import BundleError, OptionError, listed
from espnet2.interface.spec import Component
from espnet2.runtime.compare import difference
from espnet2.runtime.conditions import CONDITIONS, REFERENCE
from espnet2.runtime.durations import RULES, scaled
from espnet2.runtime.families.synthesis import SynthesisFamily
from espnet2.runtime.family import Components, Run
from espnet2.runtime.stepwise import ATTENDED, POSITIONS
from espnet2.runtime.synthesis_flow import (
    DECODER,
    DURATION,
    ENCODER,
    FEATURES,
    LATENT,
    LATER,
    LOGARITHMS,
    ORDER,
    POSTNET,
    SAMPLES,
    STEP,
    VOCODER,
    gives_units,
)
from espnet2.runtime.synthesis_model import SynthesisModel, SynthesisSection
from espnet2.runtime.synthesis_options import SynthesisOptions
from espnet2.runtime.tts import Synthesizer
from espnet2.utils.warped_distance import warped_distance

TEXT = ("text", "text_lengths")
OF_FRAMES = ("frame_tokens", "frame_lengths")
# Outputs that a graph has to have, and arrays that the runtime makes of them.
NEEDED = {STEP: ("frames", "stop"), POSTNET: (FEATURES,), VOCODER: (SAMPLES,)}
END = "prob"  # of each frame, that speech ends
DRAWN_RATIO = 1.0  # most frames of a token of a drawn text, for models that speak step by step
DURATIONS = "durations"  # of a signal, frames that are spoken instead of the predicted ones


class TextToSpeech(SynthesisFamily):
    """Synthesisers, whose results are those of `espnet2.runtime.Text2Speech`."""

    subject = "speech synthesis"
    entries: ClassVar[Mapping[str, str]] = {ENCODER: "Text2Speech"}
    # A step reads all its weights for one frame; other graphs read theirs for all frames at once.
    quantized: ClassVar[tuple[str, ...]] = (STEP,)
    judged_by_recognizer: ClassVar[tuple[str, ...]] = (ENCODER,)
    most_deviation = 0.1
    deviation_unit = "deviation of features"

    def require_usable(self, components: Components, section: SynthesisSection) -> None:
        """Check that each graph reads what is there before it, and that features become samples."""
        if ENCODER not in components:
            raise BundleError(f"expected a component '{ENCODER}', found {', '.join(components)}")
        if (DECODER in components) == (STEP in components):
            raise BundleError(f"expected a component '{DECODER}' or '{STEP}', found {', '.join(components)}")
        unknown = next((name for name in components if name not in ORDER), None)
        if unknown is not None:
            raise BundleError(f"{unknown}: expected a component among {', '.join(ORDER)}, found another")
        known = {*TEXT, *CONDITIONS, *REFERENCE, ATTENDED, POSITIONS}
        for name in (name for name in ORDER if name in components):
            component = components[name]
            _require_fed(name, component, known)
            known |= {tensor.name for tensor in component.outputs} | _made(component)
        if components[ENCODER].attribute(DURATIONS, "round") not in RULES:
            raise BundleError(f"{ENCODER}: attributes.{DURATIONS}: expected one of {', '.join(RULES)}, found another")
        spoken = VOCODER in components or (section.griffin_lim and FEATURES in known)
        if not spoken and not gives_units(components.values()):
            raise BundleError("griffin_lim: expected how features become samples, found nothing, and no vocoder")

    def run(self, model: SynthesisModel, options: SynthesisOptions) -> Run:
        """The function from a text, its conditions, and perhaps durations to speak, to `Synthesizer.complete`."""
        synthesizer = Synthesizer(model, options)

        def speak(signal: Mapping[str, Any]) -> Mapping[str, Any]:
            given = {DURATIONS: signal[DURATIONS]} if DURATIONS in signal else None
            return synthesizer.complete(signal["text"], signal, options, given)

        return speak

    def checked_options(
        self, components: Components, section: Any, bounded: bool
    ) -> tuple[SynthesisOptions, SynthesisOptions]:
        """A stepwise model may never end a drawn text, and rounding errors grow with steps: it takes a few."""
        options = super().checked_options(components, section, bounded)[0]
        if bounded and STEP in components:
            options = dataclasses.replace(options, maxlenratio=DRAWN_RATIO)
        return options, options

    def check_signal(self, model: SynthesisModel, signal: Any) -> None:
        """Check that the text has tokens."""
        model.ids(signal["text"])

    def following(self, signal: Any, expected: Mapping[str, Any]) -> dict[str, Any]:
        """The text with PyTorch's durations, so that features are of the same frames; its noise is of the same seed."""
        return {**signal, DURATIONS: scaled(expected[DURATION], 1.0)} if LOGARITHMS in expected else signal

    def compare(self, expected: Mapping[str, Any], found: Mapping[str, Any], name: str) -> list[Check]:
        """Compare durations, their logarithms, and what is spoken for PyTorch's durations (see `following`).

        A duration near the middle of two frames may be rounded to one by PyTorch and to the other by onnxruntime. In
        the same way, one of both may stop at a probability that is the threshold but for rounding; then probabilities
        are compared up to there. Durations of attention follow from its weights.
        """
        others = {key: value for key, value in expected.items() if key != DURATION}
        if END in expected and len(expected[END]) != len(found[END]):
            shared = min(len(expected[END]), len(found[END]))
            return [Check("end", name, difference(expected[END][:shared], found[END][:shared]))]
        if LOGARITHMS not in expected:
            return super().compare(others, found, name)
        return [Check("durations", name, rounded_apart(expected, found)), *super().compare(others, found, name)]

    def spoken(self, signal: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[str, np.ndarray]:
        """Text and samples; raises `OptionError` for results that are discrete units."""
        if SAMPLES not in result:
            raise OptionError("--recognizer: expected a synthesiser of samples, found one of discrete units")
        return str(signal["text"]), result[SAMPLES]

    def deviation(self, expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> float:
        """Distance of features over their spread, the mean over texts; those of one may come later or faster."""
        pairs = [(one[FEATURES], other[FEATURES]) for one, other in zip(expected, found, strict=True)]
        return float(np.mean([warped_distance(*pair) for pair in pairs]))


def _require_fed(name: str, component: Component, known: set[str]) -> None:
    """Raise `BundleError` for a graph that reads what is not there before it, or gives not what it has to."""
    read = [tensor.name for tensor in component.inputs if not tensor.noise]
    missing = [item for item in read if item not in known]
    if missing:
        raise BundleError(f"{name}: expected inputs among {listed(sorted(known))}, found {', '.join(missing)}")
    given = [tensor.name for tensor in component.outputs]
    wanted = NEEDED.get(name, (FEATURES,) if name == DECODER and LATENT not in given else ())
    lacking = [item for item in wanted if item not in given]
    if lacking:
        raise BundleError(f"{name}: expected the outputs {', '.join(lacking)}, found {', '.join(given)}")


def _made(component: Component) -> set[str]:
    """Names of what the runtime makes of a graph's outputs."""
    given = {tensor.name for tensor in component.outputs}
    made = {later for later, name in LATER.items() if name in given}
    made |= set(OF_FRAMES) if LOGARITHMS in given else set()
    made |= {"feats", FEATURES} if component.name == STEP else set()
    return made | ({"feats", "feats_lengths"} if component.name in (DECODER, STEP, POSTNET) else set())


def rounded_apart(expected: Mapping[str, Any], found: Mapping[str, Any]) -> float:
    """How far PyTorch's durations are from the border where those that differ are rounded apart, as `log_durations`.

    The distance is relative where the border's logarithm exceeds 1, 0 where all durations are equal, and inf where some
    differ by several frames. The border is that of the nearest of the known rules.
    """
    theirs, ours = (np.asarray(result[DURATION]) for result in (expected, found))
    if theirs.shape != ours.shape:
        return float("inf")
    apart = theirs != ours
    if not apart.any():
        return 0.0
    if np.abs(theirs - ours).max() > 1:
        return float("inf")
    borders = (rule.border(theirs[apart], ours[apart]) for rule in RULES.values())
    logarithms = expected[LOGARITHMS][apart]
    return min(float((np.abs(logarithms - border) / np.maximum(1.0, border)).max()) for border in borders)


TTS = TextToSpeech()
