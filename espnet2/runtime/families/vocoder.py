"""Vocoders: features, or discrete units, to samples.

The section of such a bundle:

    sample_rate: 22050                  Hz
    features: {num_mels: 80, hop_size: 256, fft_size: 1024, fmin: 80, fmax: 7600}       what it was trained on

The graph reads `feats`, features (batch, frames, F) or units (batch, frames) int64, perhaps `sids`, and noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from espnet2.interface.errors import BundleError, OptionError
from espnet2.runtime.conditions import CONDITIONS
from espnet2.runtime.families.synthesis import SynthesisFamily, drawn_value
from espnet2.runtime.family import Components, Run
from espnet2.runtime.section import Section, is_mapping, require, require_rate
from espnet2.runtime.synthesis_flow import FEATURES, SAMPLES, Utterance, vocode
from espnet2.runtime.synthesis_model import SynthesisModel
from espnet2.runtime.synthesis_options import SynthesisOptions

DRAWN_FRAMES = (1, 40)


@dataclass(frozen=True)
class VocoderSection(Section):
    """The section of `bundle.yaml`; see the module's description. Raises `BundleError` for values of the wrong kind."""

    sample_rate: int
    features: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_rate(self.sample_rate)
        require(is_mapping(self.features), "features", "a mapping", self.features)


class Vocoding(SynthesisFamily):
    """Vocoders, which `espnet2.runtime.Text2Speech` takes beside a synthesiser."""

    subject = "vocoders"
    section = VocoderSection
    entries: ClassVar[Mapping[str, str]] = {"vocoder": "Text2Speech"}

    def require_usable(self, components: Components, section: VocoderSection) -> None:
        """Check that the vocoder reads features or units, perhaps with conditions, and gives samples."""
        component = components["vocoder"]
        read = [tensor.name for tensor in component.inputs if not tensor.noise and tensor.name not in CONDITIONS]
        found = read + [tensor.name for tensor in component.outputs]
        if found != ["feats", "wav"]:
            raise BundleError(f"vocoder: expected feats and wav, found {', '.join(found)}")

    def signals(
        self, components: Components, section: VocoderSection, recordings: Sequence[str | Path]
    ) -> dict[str, Any]:
        """Drawn features (T, F), or units (T,), with drawn conditions, by name."""
        if recordings:
            raise OptionError(f"recordings: expected none for a vocoder, found {len(recordings)}")
        read = [tensor for tensor in components["vocoder"].inputs if not tensor.noise]
        rng = np.random.default_rng(0)
        return {
            f"{count} frames": {tensor.name: drawn_value(tensor, rng, frames=count) for tensor in read}
            for count in DRAWN_FRAMES
        }

    def run(self, model: SynthesisModel, options: SynthesisOptions) -> Run:
        """The function from features or units, and conditions, to samples, `wav` (N,); its noise is of the options'
        seed."""
        graph = model.graphs["vocoder"]

        def generate(signal: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            one = Utterance({**signal, FEATURES: signal["feats"]}, options.seed)
            return {SAMPLES: vocode(graph, one, options)}

        return generate


VOCODER = Vocoding()
