"""Text to discrete units of speech: a synthesis model between units and what is measured of speech."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from torch import Tensor

from espnet2.layers.inversible_interface import InversibleInterface
from espnet2.tts.espnet_model import FEATURES, ESPnetTTSModel
from espnet2.tts.feats_extract.abs_feats_extract import AbsFeatsExtract
from espnet2.tts2.abs_tts2 import AbsTTS2
from espnet2.tts2.feats_extract.abs_feats_extract import AbsFeatsExtractDiscrete


class ESPnetTTS2Model(ESPnetTTSModel):
    """Synthesis model with what it is trained on.

    Args:
        discrete_feats_extract: makes the units of those that are given.
        pitch_extract, energy_extract, pitch_normalize, energy_normalize: see `ESPnetTTSModel`.
        tts: the synthesis model.
    """

    def __init__(
        self,
        discrete_feats_extract: AbsFeatsExtractDiscrete,
        pitch_extract: AbsFeatsExtract | None,
        energy_extract: AbsFeatsExtract | None,
        pitch_normalize: InversibleInterface | None,
        energy_normalize: InversibleInterface | None,
        tts: AbsTTS2,
    ):
        super().__init__(None, pitch_extract, energy_extract, None, pitch_normalize, energy_normalize, tts)
        self.discrete_feats_extract = discrete_feats_extract

    def training_batch(  # type: ignore[override]
        self,
        text: Tensor,
        text_lengths: Tensor,
        discrete_speech: Tensor,
        discrete_speech_lengths: Tensor,
        speech: Tensor,
        speech_lengths: Tensor,
        **further: Any,
    ) -> dict[str, Any]:
        """Arguments of the synthesis model for a batch.

        Args:
            text, text_lengths: tokens (B, U) and their number (B,).
            discrete_speech, discrete_speech_lengths: units (B, N) int64 and their number (B,).
            speech, speech_lengths: samples (B, N), of which pitch and energy are extracted.
            further: durations, pitch, energy and conditions as of `ESPnetTTSModel.training_batch`.

        Returns:
            The arguments by name.
        """
        found = self._measured_batch(discrete_speech, discrete_speech_lengths, speech, speech_lengths, further)
        for name in ("pitch", "energy"):
            if name in found:
                pair = self._normalized(name, found[name], found[f"{name}_lengths"])
                found |= dict(zip((name, f"{name}_lengths"), pair, strict=True))
        names = ("durations", "durations_lengths", "spembs", "sids", "lids")
        given = {name: further[name] for name in names if further.get(name) is not None}
        return {"text": text, "text_lengths": text_lengths, **found, **given}

    def collect_feats(  # type: ignore[override]
        self,
        text: Tensor,
        text_lengths: Tensor,
        discrete_speech: Tensor,
        discrete_speech_lengths: Tensor,
        speech: Tensor,
        speech_lengths: Tensor,
        **further: Any,
    ) -> dict[str, Tensor]:
        """Units, and pitch and energy whose statistics normalise them, with their lengths, by name."""
        return self._measured_batch(discrete_speech, discrete_speech_lengths, speech, speech_lengths, further)

    def inference(self, *fields: Any, **decode_config: Any) -> dict[str, Tensor]:
        """Speak one text; see `ESPnetTTSModel.inference`. `feat_gen` are units (N,) int64."""
        results = super().inference(*fields, **decode_config)
        if results[FEATURES].is_floating_point():
            results[FEATURES] = results[FEATURES].argmax(dim=-1)
        return results

    def _measured_batch(
        self, units: Tensor, unit_lengths: Tensor, speech: Tensor, speech_lengths: Tensor, given: dict[str, Any]
    ) -> dict[str, Tensor]:
        """Units, pitch and energy of a batch, with their lengths, by name; values that are given are not extracted."""
        units, unit_lengths = self.discrete_feats_extract(units, unit_lengths)
        known = {
            name: (given[name], given[f"{name}_lengths"]) for name in ("pitch", "energy") if given.get(name) is not None
        }
        steps = {name: given.get(name) for name in ("durations", "durations_lengths")}
        frames = unit_lengths // self.tts.discrete_token_layers
        found = self._variances(speech, speech_lengths, known, feats_lengths=frames, **steps)
        pairs = {"discrete_feats": (units, unit_lengths), **found, **known}
        return {
            key: value
            for name, pair in pairs.items()
            for key, value in zip((name, f"{name}_lengths"), pair, strict=True)
        }

    def _features(
        self,
        speech: Tensor,
        speech_lengths: Tensor,
        durations: Tensor | None,
        durations_lengths: Tensor | None,
        known: Collection[str],
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Pitch and energy but for those that are known, of samples, each with its lengths."""
        steps = {"durations": durations, "durations_lengths": durations_lengths}
        return self._variances(speech, speech_lengths, known, **steps)
