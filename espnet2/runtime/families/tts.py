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
from espnet2.runtime.tts import CONDITIONS, Synthesizer

# Inputs and outputs of the graphs.
ENCODER = ("text", "text_lengths"), ("hidden", "log_durations", "pitch", "energy", "hidden_lengths")
DECODER = ("hidden", "text_lengths", "pitch", "energy", "frame_tokens", "frame_lengths"), ("feat_gen",)
VOCODER = ("feats",), ("wav",)
DURATION_TOLERANCE = 1.0  # frames, where a predicted duration is rounded the other way


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
        """The function from the keywords of a text to its results."""
        synthesizer = Synthesizer(model, options)
        return lambda signal: synthesizer(**signal)

    def compare(self, expected: Mapping[str, Any], found: Mapping[str, Any], name: str) -> list[Check]:
        """Compare durations, and what follows from them where they are equal.

        A duration near the middle of two frames may be rounded to one by PyTorch and to the other by onnxruntime: then
        there are no features to compare. Each graph is compared with the same durations anyway.
        """
        ours, theirs = (result["duration"] for result in (found, expected))
        worst = float(np.abs(ours - theirs).max()) if ours.shape == theirs.shape else float("inf")
        checks = [Check("durations", name, worst, DURATION_TOLERANCE)]
        return checks if worst else [*checks, *super().compare(expected, found, name)]


TTS = TextToSpeech()
