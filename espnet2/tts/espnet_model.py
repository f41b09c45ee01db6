"""Text to speech: a synthesis model between features of speech and their normalisation."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from espnet2.interface.spec import Component, Length, OutputLength
from espnet2.layers.inversible_interface import InversibleInterface
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.tts.abs_tts import AbsTTS
from espnet2.tts.feats_extract.abs_feats_extract import AbsFeatsExtract

FEATURES, DENORMALIZED = "feat_gen", "feat_gen_denorm"
VARIANCES = ("pitch", "energy")
STYLE_GRAPH = "style_encoder"


class ESPnetTTSModel(AbsESPnetModel):
    """Synthesis model with what it is trained on.

    Args:
        feats_extract, pitch_extract, energy_extract: make features, pitch and energy of samples; None: they are given.
        normalize, pitch_normalize, energy_normalize: their normalisation, or None.
        tts: the synthesis model.
    """

    def __init__(
        self,
        feats_extract: AbsFeatsExtract | None,
        pitch_extract: AbsFeatsExtract | None,
        energy_extract: AbsFeatsExtract | None,
        normalize: InversibleInterface | None,
        pitch_normalize: InversibleInterface | None,
        energy_normalize: InversibleInterface | None,
        tts: AbsTTS,
    ):
        super().__init__()
        self.feats_extract = feats_extract
        self.pitch_extract = pitch_extract
        self.energy_extract = energy_extract
        self.normalize: Any = normalize
        self.pitch_normalize: Any = pitch_normalize
        self.energy_normalize: Any = energy_normalize
        self.tts: Any = tts

    def forward(self, *fields: Any, **batch: Any) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """The loss of a batch: loss, statistics by name, weight; see `training_batch`."""
        return self.tts(**self.training_batch(*fields, **batch))

    def training_batch(
        self,
        text: Tensor,
        text_lengths: Tensor,
        speech: Tensor,
        speech_lengths: Tensor,
        durations: Tensor | None = None,
        durations_lengths: Tensor | None = None,
        pitch: Tensor | None = None,
        pitch_lengths: Tensor | None = None,
        energy: Tensor | None = None,
        energy_lengths: Tensor | None = None,
        spembs: Tensor | None = None,
        sids: Tensor | None = None,
        lids: Tensor | None = None,
        **further: Any,
    ) -> dict[str, Any]:
        """Arguments of the synthesis model for a batch.

        Args:
            text, text_lengths: tokens (B, U) and their number (B,).
            speech, speech_lengths: samples (B, N), or features (B, T, F) where there is no `feats_extract`.
            durations, durations_lengths: frames of tokens (B, U).
            pitch, pitch_lengths, energy, energy_lengths: (B, U, 1) or (B, T, 1); None: extracted of the samples.
            spembs, sids, lids: (B, E), (B, 1), (B, 1).
            further: not used.

        Returns:
            The arguments by name.
        """
        variances = {"pitch": (pitch, pitch_lengths), "energy": (energy, energy_lengths)}
        feats = self._with_given(variances, speech, speech_lengths, durations, durations_lengths)
        feats = {name: self._normalized(name, *pair) for name, pair in feats.items()}
        batch = {key: value for name, pair in feats.items() for key, value in _named(name, *pair).items()}
        if durations is not None:
            batch.update(durations=durations, durations_lengths=durations_lengths)
        if self.tts.require_raw_speech:
            batch.update(speech=speech, speech_lengths=speech_lengths)
        conditions = {"spembs": spembs, "sids": sids, "lids": lids}
        batch.update({name: value for name, value in conditions.items() if value is not None})
        return {"text": text, "text_lengths": text_lengths, **batch}

    def collect_feats(
        self,
        text: Tensor,
        text_lengths: Tensor,
        speech: Tensor,
        speech_lengths: Tensor,
        durations: Tensor | None = None,
        durations_lengths: Tensor | None = None,
        pitch: Tensor | None = None,
        pitch_lengths: Tensor | None = None,
        energy: Tensor | None = None,
        energy_lengths: Tensor | None = None,
        spembs: Tensor | None = None,
        sids: Tensor | None = None,
        lids: Tensor | None = None,
        **further: Any,
    ) -> dict[str, Tensor]:
        """Features, pitch and energy whose statistics normalise them, with their lengths, by name."""
        variances = {"pitch": (pitch, pitch_lengths), "energy": (energy, energy_lengths)}
        feats = self._with_given(variances, speech, speech_lengths, durations, durations_lengths)
        return {key: value for name, pair in feats.items() for key, value in _named(name, *pair).items()}

    def inference(
        self,
        text: Tensor,
        speech: Tensor | None = None,
        spembs: Tensor | None = None,
        sids: Tensor | None = None,
        lids: Tensor | None = None,
        durations: Tensor | None = None,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        **decode_config: Any,
    ) -> dict[str, Tensor]:
        """Speak one text.

        Args:
            text: (U,) tokens.
            speech: (N,) samples, or features (T, F), whose pitch and energy are spoken with teacher forcing, and whose
                style is by a model with global style tokens.
            spembs, sids, lids: (E,), (1,), (1,).
            durations: (U + 1,) frames of tokens, for teacher forcing.
            pitch, energy: the same (U + 1, 1); None: extracted of `speech`.
            decode_config: options of the synthesis model, such as `alpha` and `use_teacher_forcing`.

        Returns:
            Results of the model by name, and `feat_gen_denorm` (T, F) where features are normalised.

        Raises:
            ValueError: there is no speech where it is needed.
        """
        given: dict[str, Tensor | None] = {"pitch": pitch, "energy": energy}
        forced = bool(decode_config.get("use_teacher_forcing"))
        if forced or self.tts.use_gst:
            if speech is None:
                reader = "use_teacher_forcing" if forced else "use_gst"
                raise ValueError(f"speech: expected samples, which {reader} needs, found none")
            own = {name: self._normalized(name, v[None], None)[0][0] for name, v in given.items() if v is not None}
            given = {**self.measured(speech, durations, own if forced else VARIANCES), **own}
        conditions = {"spembs": spembs, "sids": sids, "lids": lids, "durations": durations}
        used = {name: value for name, value in {**conditions, **given}.items() if value is not None}
        results = self.tts.inference(text=text, **used, **decode_config)
        if self.normalize is not None and results.get(FEATURES) is not None:
            results[DENORMALIZED] = self.normalize.inverse(results[FEATURES].clone()[None])[0][0]
        return results

    def measured(
        self, speech: Tensor, durations: Tensor | None = None, known: Collection[str] = ()
    ) -> dict[str, Tensor]:
        """Normalised features, and pitch and energy but for those that are known, of speech.

        Args:
            speech: (N,) samples.
            durations: (U,) frames of tokens.
            known: names of what is not needed.

        Returns:
            `feats` (T, F), `pitch` and `energy` (U, 1), where the model has such.
        """
        lengths = torch.tensor([len(speech)], device=speech.device)
        steps = None if durations is None else durations[None]
        count = None if durations is None else torch.tensor([len(durations)])
        found = self._features(speech[None], lengths, steps, count, known)
        return {name: self._normalized(name, values, None)[0][0] for name, (values, _) in found.items()}

    def _with_given(
        self,
        variances: Mapping[str, tuple[Tensor | None, Tensor | None]],
        speech: Tensor,
        speech_lengths: Tensor,
        durations: Tensor | None,
        durations_lengths: Tensor | None,
    ) -> dict[str, Any]:
        """Features, pitch and energy, each with its lengths; variances that are given are not extracted."""
        given: dict[str, Any] = {name: pair for name, pair in variances.items() if pair[0] is not None}
        return {**self._features(speech, speech_lengths, durations, durations_lengths, given), **given}

    def _features(
        self,
        speech: Tensor,
        speech_lengths: Tensor,
        durations: Tensor | None,
        durations_lengths: Tensor | None,
        known: Collection[str],
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Features, and pitch and energy but for those that are known, of samples, each with its lengths."""
        feats = (speech, speech_lengths) if self.feats_extract is None else self.feats_extract(speech, speech_lengths)
        steps = {"durations": durations, "durations_lengths": durations_lengths}
        return {"feats": feats, **self._variances(speech, speech_lengths, known, feats_lengths=feats[1], **steps)}

    def _variances(
        self, speech: Tensor, speech_lengths: Tensor, known: Collection[str], **steps: Tensor | None
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Pitch and energy but for those that are known; `steps` are further arguments of what extracts them."""
        found = {}
        for name, extract in (("pitch", self.pitch_extract), ("energy", self.energy_extract)):
            if extract is not None and name not in known:
                found[name] = extract(speech, speech_lengths, **steps)
        return found

    def _normalized(self, name: str, values: Tensor, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """Normalise features, pitch or energy (B, T, C), where the model does, and give the lengths too."""
        known = {"feats": self.normalize, "pitch": self.pitch_normalize, "energy": self.energy_normalize}
        return (values, lengths) if known[name] is None else known[name](values, lengths)

    def parts(self) -> tuple[tuple[nn.Module, Component], ...]:
        """The graphs of the synthesis model; features are given with and without normalisation."""
        return tuple(self._part(*part) for part in self.tts.parts())

    def _part(self, module: nn.Module, component: Component) -> tuple[nn.Module, Component]:
        if component.name == STYLE_GRAPH:
            return self, self._of_samples(component)
        names = [tensor.name for tensor in component.outputs]
        if self.normalize is None or FEATURES not in names:
            return module, component
        place = names.index(FEATURES) + 1
        denormalized = dataclasses.replace(component.outputs[place - 1], name=DENORMALIZED)
        outputs = (*component.outputs[:place], denormalized, *component.outputs[place:])
        return Denormalized(module, self.normalize, component), dataclasses.replace(
            component, method="forward", outputs=outputs
        )

    def _of_samples(self, component: Component) -> Component:
        """A component that reads features, as the model's method of that name reads it: samples, if it extracts any."""
        extract: Any = self.feats_extract
        if extract is None:
            return component
        speech, lengths = component.inputs
        stft = extract.stft
        rules = [dataclasses.replace(r, source="samples", length=stft.length.then(r.length)) for r in component.lengths]
        # More samples have to be there than are mirrored at either end.
        rules.append(OutputLength("unmirrored", "samples", Length(((-stft.padding, 1, 0),))))
        inputs = (
            dataclasses.replace(speech, axes=("batch", "samples")),
            dataclasses.replace(lengths, length_of="samples"),
        )
        return dataclasses.replace(component, inputs=inputs, lengths=tuple(rules))

    def encode_style(self, speech: Tensor, speech_lengths: Tensor) -> Tensor:
        """Styles (B, D) of references: samples (B, N), or features (B, T, F), and how many they are (B,)."""
        feats = self._features(speech, speech_lengths, None, None, VARIANCES)["feats"]
        return self.tts.encode_style(*self._normalized("feats", *feats))


class Denormalized(nn.Module):
    """A graph of a synthesis model that gives features, and gives them before their normalisation, too.

    Args:
        tts: the synthesis model.
        normalize: the normalisation of features.
        component: of `tts`, with an output `feat_gen`.
    """

    def __init__(self, tts: nn.Module, normalize: InversibleInterface, component: Component) -> None:
        super().__init__()
        self.tts, self.normalize = tts, normalize
        self.method = component.method
        names = [tensor.name for tensor in component.outputs]
        self.place = names.index(FEATURES)
        frames = component.outputs[self.place].axes[1]
        lengths = [tensor.name for tensor in component.outputs if tensor.length_of == frames]
        self.lengths = names.index(lengths[0]) if lengths else None

    def forward(self, *feeds: Tensor) -> tuple[Tensor, ...]:
        """Outputs of the graph; behind the features (B, T, F) those before normalisation."""
        results = getattr(self.tts, self.method)(*feeds)
        results = results if isinstance(results, tuple) else (results,)
        lengths = None if self.lengths is None else results[self.lengths]
        feats = self.normalize.inverse(results[self.place], lengths)[0]
        return *results[: self.place + 1], feats, *results[self.place + 1 :]


def _named(name: str, values: Tensor, lengths: Tensor | None) -> Mapping[str, Any]:
    """Values and their lengths, as models are called with them."""
    return {name: values, f"{name}_lengths": lengths}
