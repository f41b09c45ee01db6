"""Text to speech over graphs that onnxruntime or PyTorch runs: texts become durations, features and samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from espnet2.interface.errors import BundleError, DataError, OptionError, shortened
from espnet2.interface.families import family_of
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Tensor
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.loading import find_bundle, load
from espnet2.runtime.memory import GB, attention_memory, usable_memory
from espnet2.runtime.options import PROVIDERS
from espnet2.runtime.synthesis_model import SynthesisModel
from espnet2.runtime.synthesis_options import SynthesisOptions, warn_of_unread
from espnet2.runtime.vocoder_features import mismatch
from espnet2.utils.griffin_lim import Spectrogram2Waveform

if TYPE_CHECKING:
    from typing_extensions import Self

# Inputs beside the text, and what messages call them.
CONDITIONS = {"sids": "number of a speaker", "lids": "number of a language", "spembs": "speaker embedding"}
# Names that upstream's `decode_conf` has for options.
ALIASES = {"alpha": "speed_control_alpha"}
GIVEN = ("durations", "pitch", "energy")  # with teacher forcing


Arrays = dict[str, np.ndarray]


class Synthesizer:
    """Text encoder, durations, feature decoder, and a vocoder or Griffin-Lim; whoever runs the graphs.

    Args:
        model: Graphs `text_encoder`, `feature_decoder` and perhaps `vocoder`, and what texts are converted with.
        options: Of synthesis.
    """

    def __init__(self, model: SynthesisModel, options: SynthesisOptions) -> None:
        self._model, self.options = model, options
        self.encoder, self.decoder = model.graphs["text_encoder"], model.graphs["feature_decoder"]
        self.vocoder: Graph | None = model.graphs.get("vocoder")
        self.conditions = {tensor.name: tensor for tensor in self.encoder.component.inputs if tensor.name in CONDITIONS}
        self.griffin_lim = None
        if self.vocoder is None:
            steps = {"griffin_lim_iters": options.griffin_lim_iters}
            self.griffin_lim = Spectrogram2Waveform(**{**model.section.griffin_lim, **steps})
        self._seeds = np.random.default_rng(options.seed)

    @property
    def fs(self) -> int:
        """Sampling rate in Hz."""
        return self._model.section.sample_rate

    @property
    def use_speech(self) -> bool:
        """Whether a text needs a recording beside it."""
        return False

    @property
    def use_sids(self) -> bool:
        """Whether a text needs the number of a speaker."""
        return "sids" in self.conditions

    @property
    def use_lids(self) -> bool:
        """Whether a text needs the number of a language."""
        return "lids" in self.conditions

    @property
    def use_spembs(self) -> bool:
        """Whether a text needs a speaker embedding."""
        return "spembs" in self.conditions

    def __call__(
        self,
        text: Any,
        speech: Any = None,
        durations: Any = None,
        spembs: Any = None,
        sids: Any = None,
        lids: Any = None,
        decode_conf: Mapping[str, Any] | None = None,
        pitch: Any = None,
        energy: Any = None,
    ) -> Arrays:
        """Speak one text.

        Args:
            text: The text, or ids (U,) of its tokens.
            speech: Not used.
            durations: (U + 1,) frames of each token and the end, for `use_teacher_forcing`.
            spembs, sids, lids: Speaker embedding (E,), numbers of speaker and language, where the model reads them.
            decode_conf: Options for this text, by the names of `SynthesisOptions` or upstream's `alpha`.
            pitch, energy: (U + 1, 1) normalised values for `use_teacher_forcing`; None: the predicted ones.

        Returns:
            `feat_gen` (T, F) features; `duration` (U + 1,) int64 frames as predicted (with teacher forcing their
            logarithms); `pitch` and `energy` (U + 1, 1) as predicted; `feat_gen_denorm` (T, F), where the model
            normalises features; `wav` (N,).

        Raises:
            DataError: The text has no token, or a condition is missing or of another shape.
            OptionError: An option has a value that is not allowed.
        """
        options = self._options(decode_conf)
        forced = options.use_teacher_forcing
        given = {"durations": durations, "pitch": pitch, "energy": energy} if forced else None
        results = self.complete(text, {"spembs": spembs, "sids": sids, "lids": lids}, options, given)
        logarithms = results.pop("log_durations")
        return {**results, "duration": logarithms} if forced else results

    def complete(
        self,
        text: Any,
        conditions: Mapping[str, Any],
        options: SynthesisOptions,
        given: Mapping[str, Any] | None = None,
    ) -> Arrays:
        """Results of `__call__` for whole frames as predicted, and `log_durations` (U + 1,) before they are rounded.

        Args:
            text, conditions: Arguments of `__call__`, the conditions by name.
            options: Of this text.
            given: Durations, and perhaps pitch and energy, that are spoken instead of the predicted ones.
        """
        ids = self._model.ids(text)
        require_memory(self.encoder, len(ids), "tokens")
        feeds = {"text": ids[None], "text_lengths": np.array([len(ids)])}
        feeds |= self._conditions(conditions)
        encoded = {name: value.numpy() for name, value in self.encoder(feeds).items()}
        logarithms = encoded["log_durations"][0]
        duration = frames_of(logarithms)
        values: Arrays = {}
        steps = scaled(duration, options.speed_control_alpha)
        if given is not None:
            steps, values = self._given(len(duration), **given)
        feats = self._features({**encoded, **values}, steps)
        of_tokens = {"duration": duration, "log_durations": logarithms}
        of_tokens |= {name: encoded[name][0] for name in ("pitch", "energy")}
        results = {"feat_gen": feats.pop("feat_gen"), **of_tokens, **feats}
        return {**results, "wav": self._samples(results, options)}

    def _options(self, decode_conf: Mapping[str, Any] | None) -> SynthesisOptions:
        if not decode_conf:
            return self.options
        named = {ALIASES.get(name, name): value for name, value in decode_conf.items()}
        return SynthesisOptions.from_keywords({**dataclasses.asdict(self.options), **named})

    def _conditions(self, given: Mapping[str, Any]) -> Arrays:
        """Feeds of the conditions that the model reads."""
        return {name: condition(tensor, given.get(name))[None] for name, tensor in self.conditions.items()}

    def _given(self, count: int, durations: Any, pitch: Any = None, energy: Any = None) -> tuple[np.ndarray, Arrays]:
        """Durations, and values by name, that are spoken instead of predicted ones."""
        if durations is None:
            raise OptionError("durations: expected frames of each token, which use_teacher_forcing needs, found none")
        steps = np.asarray(durations)
        if steps.shape != (count,) or steps.dtype.kind not in "iu" or steps.min() < 0 or not steps.any():
            raise DataError(f"durations: expected {count} numbers of frames, found {shortened(repr(durations), 80)}")
        values = {}
        for name, value in (("pitch", pitch), ("energy", energy)):
            if value is not None:
                array = np.asarray(value, np.float32)
                if array.shape != (count, 1) or not np.isfinite(array).all():
                    raise DataError(f"{name}: expected finite numbers ({count}, 1), found the shape {array.shape}")
                values[name] = array[None]
        return steps.astype(np.int64), values

    def _features(self, encoded: Mapping[str, np.ndarray], steps: np.ndarray) -> Arrays:
        """Features (T, F) by name, of tokens that last so many steps of the decoder."""
        require_memory(self.decoder, int(steps.sum()), "frames")
        tokens = np.repeat(np.arange(len(steps)), steps)
        feeds = {
            "hidden": encoded["hidden"],
            "text_lengths": encoded["hidden_lengths"],
            "pitch": encoded["pitch"],
            "energy": encoded["energy"],
            "frame_tokens": tokens[None],
            "frame_lengths": np.array([len(tokens)]),
        }
        results = self.decoder(feeds)
        names = [tensor.name for tensor in self.decoder.component.outputs if not tensor.length_of]
        return {name: results[name].numpy()[0] for name in names}

    def _samples(self, results: Mapping[str, np.ndarray], options: SynthesisOptions) -> np.ndarray:
        """Samples (N,) of features."""
        normalized = options.prefer_normalized_feats or "feat_gen_denorm" not in results
        feats = results["feat_gen" if normalized else "feat_gen_denorm"]
        if self.vocoder is not None:
            return self.vocoder({"feats": feats[None]})["wav"].numpy()[0]
        assert self.griffin_lim is not None
        seed = options.seed if options.always_fix_seed else int(self._seeds.integers(2**31))
        return self.griffin_lim(feats, seed)


def frames_of(logarithms: np.ndarray) -> np.ndarray:
    """Whole frames of logarithms of 1 + duration, int64, half a frame rounded to even."""
    return np.maximum(np.round(np.exp(logarithms) - 1), 0).astype(np.int64)


def scaled(durations: np.ndarray, alpha: float) -> np.ndarray:
    """Durations times `alpha`, half a frame rounded to even; one frame for each token where none has any."""
    steps = np.round(durations * np.float32(alpha)).astype(np.int64)
    return steps if steps.any() else np.ones_like(steps)


def condition(tensor: Tensor, value: Any) -> np.ndarray:
    """A condition as the graph reads it, without the batch's axis; raises `DataError` for another one."""
    noun, shape = CONDITIONS[tensor.name], tuple(map(int, tensor.axes[1:]))
    if value is None:
        raise DataError(f"{tensor.name}: expected the {noun}, which this model needs, found none")
    array = np.asarray(value)
    integers = tensor.dtype.startswith("int")
    array = array.reshape(shape) if integers and array.size == 1 else array
    kinds = "iu" if integers else "fiu"
    if array.shape != shape or array.dtype.kind not in kinds or not np.isfinite(array).all():
        raise DataError(f"{tensor.name}: expected the {noun} of shape {shape}, found {shortened(repr(value), 80)}")
    if integers and isinstance(tensor.below, int) and tensor.below and not 0 <= int(array.item()) < tensor.below:
        raise DataError(f"{tensor.name}: expected the {noun} from 0 to {tensor.below - 1}, found {int(array.item())}")
    return array.astype(tensor.dtype)


def require_fit(bundle: Bundle, vocoder: Bundle) -> None:
    """Raise `BundleError` for a vocoder of another sampling rate, or of other features."""
    rates = bundle.section.sample_rate, vocoder.section.sample_rate
    sizes = [
        component.axes[-1]
        for component in (bundle.components["feature_decoder"].outputs[0], vocoder.components["vocoder"].inputs[0])
    ]
    for noun, (expected, found) in (("a sampling rate in Hz", rates), ("a number of features", sizes)):
        if expected != found:
            raise BundleError(f"{vocoder.path}: expected {noun} of {expected}, as {bundle.path} has, found {found}")
    other = mismatch(bundle.section.griffin_lim, vocoder.section.features)
    if other is not None:
        raise BundleError(f"{vocoder.path}: {other}")


def require_memory(graph: Graph, steps: int, unit: str) -> None:
    """Raise `DataError` for a text of so many steps that attention, which compares all of them, fills the memory."""
    heads = graph.component.attribute("attention_heads", 0)
    needed, limit = attention_memory(heads, steps), usable_memory()
    if needed > limit:
        raise DataError(
            f"text: expected one that {limit / GB:.3g} GB of memory are enough for, found {steps} {unit}, which would "
            f"take about {needed / GB:.3g} GB; speak its sentences one by one"
        )


class Text2Speech(Synthesizer):
    """Speaks texts with a bundle, without PyTorch.

    Args:
        bundle: A directory that `espnet2.bin.export_onnx` wrote, or a loaded `Bundle`.
        vocoder: Another one, whose vocoder is used instead of the bundle's own, or of Griffin-Lim.
        quantized: Run the bundle's int8 graphs, where it has them.
        num_threads: Threads of the graphs (default: all cores that the process may use).
        providers: Execution providers of onnxruntime, most wanted first.
        verify: Compute the checksums of all files, even of those that have not changed since they were compared.
        options: Those of `espnet2.runtime.synthesis_options.SynthesisOptions`, with their defaults; and `device`,
            `cpu` or `cuda`, instead of providers.

    Raises:
        BundleError: A bundle cannot be used.
        OptionError: An option has a value that is not allowed.
    """

    def __init__(
        self,
        bundle: str | Path | Bundle,
        vocoder: str | Path | Bundle | None = None,
        *,
        quantized: bool = False,
        num_threads: int | None = None,
        providers: Sequence[str] = PROVIDERS,
        verify: bool = False,
        **options: Any,
    ) -> None:
        running: dict[str, Any] = {"num_threads": num_threads, "providers": providers, "verify": verify}
        loaded = load(bundle, family_of("tts"), "text_encoder", options, quantized=quantized, **running)
        self.bundle = loaded.bundle
        model = loaded.model
        if vocoder is not None:
            other = load(vocoder, family_of("vocoder"), "vocoder", {}, **running)
            require_fit(loaded.bundle, other.bundle)
            model = dataclasses.replace(model, graphs={**model.graphs, **other.model.graphs})
        warn_of_unread(loaded.options, "vocoder" in model.graphs)
        super().__init__(model, loaded.options)

    @classmethod
    def from_pretrained(cls, model_tag: str | Path, **options: Any) -> Self:
        """The synthesiser of a bundle: its directory, or its repository on the Hugging Face hub."""
        return cls(find_bundle(model_tag), **options)
