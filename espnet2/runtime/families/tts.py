"""Text to speech: models that predict how long each token lasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from espnet2.interface.check import Check
from espnet2.interface.errors import BundleError
from espnet2.runtime.families.synthesis import SynthesisFamily
from espnet2.runtime.family import Components, Run
from espnet2.runtime.synthesis_model import SynthesisModel, SynthesisSection
from espnet2.runtime.synthesis_options import SynthesisOptions
from espnet2.runtime.tts import CONDITIONS, Synthesizer, scaled

# Inputs and outputs of the graphs.
ENCODER = ("text", "text_lengths"), ("hidden", "log_durations", "pitch", "energy", "hidden_lengths")
DECODER = ("hidden", "text_lengths", "pitch", "energy", "frame_tokens", "frame_lengths"), ("feat_gen",)
VOCODER = ("feats",), ("wav",)
DURATIONS = "durations"  # of a signal, frames that are spoken instead of the predicted ones


class TextToSpeech(SynthesisFamily):
    """Synthesisers, whose results are those of `espnet2.runtime.Text2Speech`."""

    subject = "speech synthesis"
    entries: ClassVar[Mapping[str, str]] = {"text_encoder": "Text2Speech"}

    def require_usable(self, components: Components, section: SynthesisSection) -> None:
        """Check for the two graphs, and that they and a vocoder read and give what is expected."""
        for name in ("text_encoder", "feature_decoder"):
            if name not in components:
                raise BundleError(f"expected a component '{name}', found {', '.join(components)}")
        known = {"text_encoder": ENCODER, "feature_decoder": DECODER, "vocoder": VOCODER}
        for name, component in components.items():
            inputs, outputs = known.get(name, ((), ()))
            read = [tensor.name for tensor in component.inputs]
            given = [tensor.name for tensor in component.outputs]
            conditions = set(read) - set(inputs)
            fits = set(inputs) <= set(read) and set(outputs) <= set(given)
            if not fits or name not in known or (conditions and not conditions <= set(CONDITIONS)):
                raise BundleError(f"{name}: expected the inputs and outputs of that component, found others")
        if "vocoder" not in components and not section.griffin_lim:
            raise BundleError("griffin_lim: expected how features become samples, found nothing, and no vocoder")

    def run(self, model: SynthesisModel, options: SynthesisOptions) -> Run:
        """The function from a text, its conditions, and perhaps durations to speak, to `Synthesizer.complete`."""
        synthesizer = Synthesizer(model, options)

        def speak(signal: Mapping[str, Any]) -> Mapping[str, Any]:
            given = {DURATIONS: signal[DURATIONS]} if DURATIONS in signal else None
            return synthesizer.complete(signal["text"], signal, options, given)

        return speak

    def check_signal(self, model: SynthesisModel, signal: Any) -> None:
        """Check that the text has tokens."""
        model.ids(signal["text"])

    def following(self, signal: Any, expected: Mapping[str, Any]) -> dict[str, Any]:
        """The text with PyTorch's durations, so that features are of the same frames."""
        return {**signal, DURATIONS: scaled(expected["duration"], 1.0)}

    def compare(self, expected: Mapping[str, Any], found: Mapping[str, Any], name: str) -> list[Check]:
        """Compare durations, their logarithms, and what is spoken for PyTorch's durations (see `following`).

        A duration near the middle of two frames may be rounded to one by PyTorch and to the other by onnxruntime.
        """
        others = {key: value for key, value in expected.items() if key != "duration"}
        return [Check("durations", name, rounded_apart(expected, found)), *super().compare(others, found, name)]


def rounded_apart(expected: Mapping[str, Any], found: Mapping[str, Any]) -> float:
    """How far PyTorch's durations are from the border where those that differ are rounded apart, as `log_durations`.

    The distance is relative where the border's logarithm exceeds 1, 0 where all durations are equal, and inf where some
    differ by several frames.
    """
    theirs, ours = (np.asarray(result["duration"]) for result in (expected, found))
    if theirs.shape != ours.shape:
        return float("inf")
    apart = theirs != ours
    if not apart.any():
        return 0.0
    if np.abs(theirs - ours).max() > 1 or "log_durations" not in expected:
        return float("inf")
    border = np.log1p((theirs + ours)[apart] / 2)
    return float((np.abs(expected["log_durations"][apart] - border) / np.maximum(1.0, border)).max())


TTS = TextToSpeech()
