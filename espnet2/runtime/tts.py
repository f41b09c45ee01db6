"""Text to speech over graphs that onnxruntime or PyTorch runs: texts become durations, features and samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from espnet2.interface.errors import DataError, OptionError
from espnet2.interface.families import family_of
from espnet2.interface.graph import Graph
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.conditions import SPEECH, condition, conditions_of, reference, spoken
from espnet2.runtime.graph_calls import Arrays
from espnet2.runtime.loading import find_bundle, load
from espnet2.runtime.long_texts import cut_text
from espnet2.runtime.options import PROVIDERS
from espnet2.runtime.stepwise import FORCED
from espnet2.runtime.synthesis_batches import gathered, joined, rows_of
from espnet2.runtime.synthesis_flow import (
    ALIGNMENT,
    DECODER,
    DENORMALIZED,
    DURATION,
    ENCODER,
    FEATURES,
    FOCUS,
    LOGARITHMS,
    SAMPLES,
    STYLE,
    VARIANCES,
    VOCODER,
    Utterance,
    chosen_features,
    generate,
    vocode,
    vocode_pieces,
)
from espnet2.runtime.synthesis_model import SynthesisModel
from espnet2.runtime.synthesis_options import REFUSE, SynthesisOptions, warn_of_unread
from espnet2.runtime.vocoder_features import require_fit
from espnet2.utils.griffin_lim import Spectrogram2Waveform

if TYPE_CHECKING:
    from typing_extensions import Self

# Names that upstream's `decode_conf` has for options.
ALIASES = {"alpha": "speed_control_alpha"}
GIVEN = ("durations", "pitch", "energy")  # with teacher forcing
# Results in their order; a model has some of them.
RESULTS = (FEATURES, "prob", ALIGNMENT, DURATION, FOCUS, LOGARITHMS, *VARIANCES, DENORMALIZED, SAMPLES)


class Synthesizer:
    """The graphs of a synthesiser, and a vocoder or Griffin-Lim; whoever runs the graphs.

    Args:
        model: Graphs as `espnet2.runtime.synthesis_flow` runs them, and what texts are converted with.
        options: Of synthesis.
    """

    def __init__(self, model: SynthesisModel, options: SynthesisOptions) -> None:
        self._model, self.options = model, options
        self.encoder = model.graphs[ENCODER]
        self.vocoder: Graph | None = model.graphs.get(VOCODER)
        self.style: Graph | None = model.graphs.get(STYLE)
        self.regulated = DECODER in model.graphs
        self.conditions = conditions_of(graph.component for graph in model.graphs.values())
        self.griffin_lim = None
        if self.vocoder is None and model.section.griffin_lim:
            steps = {"griffin_lim_iters": options.griffin_lim_iters}
            self.griffin_lim = Spectrogram2Waveform(**{**model.section.griffin_lim, **steps})
        self._seeds = np.random.default_rng(options.seed)

    @property
    def fs(self) -> int:
        """Sampling rate in Hz."""
        return self._model.section.sample_rate

    @property
    def makes_samples(self) -> bool:
        """Whether results are samples, and not discrete units alone."""
        return self.vocoder is not None or self.griffin_lim is not None

    @property
    def use_speech(self) -> bool:
        """Whether a text needs a reference utterance beside it."""
        return self.style is not None or self.options.use_teacher_forcing

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

    def tokens(self, text: Any) -> list[str]:
        """The tokens of a text, known or not, or of ids."""
        if isinstance(text, str):
            return self._model.text_to_ids.tokens(text)
        return [self._model.section.tokens[index] for index in self._model.ids(text)]

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
            speech: (N,) samples of a reference utterance, for models with global style tokens.
            durations: (U,) frames of each token (and of the end, where the model adds it), for `use_teacher_forcing`.
            spembs, sids, lids: Speaker embedding (E,), numbers of speaker and language, where the model reads them.
            decode_conf: Options for this text, by the names of `SynthesisOptions` or upstream's `alpha`.
            pitch, energy: (U, 1) normalised values for `use_teacher_forcing`; None: the predicted ones.

        Returns:
            Arrays by name, those of the model: `feat_gen` (T, F) features, and `feat_gen_denorm` (T, F) where they
            are normalised; `duration` (U,) int64 frames as predicted (with teacher forcing their logarithms);
            `pitch` and `energy` (U, 1) as predicted; `prob` (T,) of the end, and `att_w`, of stepwise models; `wav`
            (N,).

        Raises:
            DataError: The text has no token, or a condition is missing or of another shape.
            AudioError: The reference utterance is too short, silent, or no samples.
            OptionError: An option has a value that is not allowed.
        """
        conditions = {"spembs": spembs, "sids": sids, "lids": lids}
        given = {SPEECH: speech, "durations": durations, "pitch": pitch, "energy": energy, **conditions}
        (results,) = self._batch([text], [given], decode_conf)
        return results

    def batch(
        self,
        texts: Sequence[Any],
        given: Sequence[Mapping[str, Any]] | None = None,
        decode_conf: Mapping[str, Any] | None = None,
    ) -> list[Arrays]:
        """Speak several texts, `batch_size` of which go through the graphs together.

        Args:
            texts: Texts, or ids (U,) of their tokens.
            given: Arguments of `__call__` beside each text, by name, or `feats`, normalised features (T, F), for
                `use_teacher_forcing` of stepwise models; None: there are none.
            decode_conf: Options for all of them.

        Returns:
            The results of each text, as of `__call__`; raises the same errors.
        """
        given = given or [{}] * len(texts)
        if len(given) != len(texts):
            raise DataError(f"given: expected arguments for each of {len(texts)} texts, found {len(given)}")
        return self._batch(texts, given, decode_conf)

    def batch_call(
        self,
        text: Sequence[Any],
        speech: Any = None,
        speech_lengths: Any = None,
        durations: Any = None,
        durations_lengths: Any = None,
        spembs: Any = None,
        sids: Any = None,
        lids: Any = None,
        decode_conf: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Speak several texts together; upstream's method of this name.

        Args:
            text: B texts.
            speech, speech_lengths: (B, N) padded samples, and their numbers (B,).
            durations, durations_lengths: (B, U) padded frames of tokens, and the numbers of tokens (B,).
            spembs, sids, lids: (B, E), (B,), (B,).
            decode_conf: Options for all of them.

        Returns:
            By name a list of the texts' results; for values of tokens, such as `duration`, they are padded with
            zeros, (B, U); and `feat_gen_lengths` (B,) where there are features.
        """
        padded = {SPEECH: (speech, speech_lengths), "durations": (durations, durations_lengths)}
        whole = {name: (values, None) for name, values in (("spembs", spembs), ("sids", sids), ("lids", lids))}
        given = rows_of({**padded, **whole}, len(text))
        options = {"batch_size": max(len(text), 1), **(decode_conf or {})}
        return gathered(self._batch(text, given, options))

    def stream(
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
    ) -> Iterator[np.ndarray]:
        """Speak one text, whose samples come in pieces while the vocoder works.

        Pieces begin short and grow. They come in one for each piece of a long text where the vocoder does not say on
        which frames a sample depends, and without a vocoder.

        Args:
            text, speech, durations, spembs, sids, lids, decode_conf, pitch, energy: See `__call__`, whose errors this
                call raises.

        Returns:
            Pieces (n,) of the samples that `__call__` gives for the same seed.
        """
        options = self._options(decode_conf)
        if self.vocoder is None and self.griffin_lim is None:
            raise OptionError("stream: expected a vocoder, or features that Griffin-Lim knows, found neither")
        conditions = {"spembs": spembs, "sids": sids, "lids": lids}
        given = {SPEECH: speech, "durations": durations, "pitch": pitch, "energy": energy, **conditions}
        return self._stream(self._pieces(text, given, options, self._forced(given, options)), options)

    def complete(
        self,
        text: Any,
        conditions: Mapping[str, Any],
        options: SynthesisOptions,
        given: Mapping[str, Any] | None = None,
    ) -> Arrays:
        """Results of `__call__` for whole frames as predicted, and `log_durations` (U,) before they are rounded.

        Args:
            text, conditions: Arguments of `__call__`, the conditions by name.
            options: Of this text.
            given: Durations, and perhaps pitch and energy, that are spoken instead of the predicted ones; `feats` of
                stepwise models.
        """
        (results,) = self._speak([self._pieces(text, conditions, options, given)], options)
        return results

    def _batch(
        self, texts: Sequence[Any], given: Sequence[Mapping[str, Any]], decode_conf: Mapping[str, Any] | None
    ) -> list[Arrays]:
        options = self._options(decode_conf)
        before = self._seeds.bit_generator.state
        try:
            requests = [
                self._pieces(text, values, options, self._forced(values, options))
                for text, values in zip(texts, given, strict=True)
            ]
            results = self._speak(requests, options)
        except Exception:
            self._seeds.bit_generator.state = before  # texts that are not spoken do not move the noise of others
            raise
        return [_shown(one, options.use_teacher_forcing) for one in results]

    def _options(self, decode_conf: Mapping[str, Any] | None) -> SynthesisOptions:
        if not decode_conf:
            return self.options
        named = {ALIASES.get(name, name): value for name, value in decode_conf.items()}
        return SynthesisOptions.from_keywords({**dataclasses.asdict(self.options), **named})

    def _forced(self, values: Mapping[str, Any], options: SynthesisOptions) -> Mapping[str, Any] | None:
        """The values that are spoken in place of predicted ones; None without teacher forcing."""
        return {name: values.get(name) for name in (*GIVEN, FORCED)} if options.use_teacher_forcing else None

    def _pieces(
        self, text: Any, conditions: Mapping[str, Any], options: SynthesisOptions, given: Mapping[str, Any] | None
    ) -> list[Utterance]:
        """A text with what the model reads beside it, and the seed of its noise; a long one in pieces."""
        whole = given is not None or not isinstance(text, str) or len(text) <= options.max_text_length
        if not whole and options.long_text == REFUSE:
            raise DataError(
                f"text: expected at most {options.max_text_length} characters (max_text_length), found {len(text)}"
            )
        pool = {name: condition(tensor, conditions.get(name)) for name, tensor in self.conditions.items()}
        if self.style is not None:
            pool |= reference(self.style.component, conditions.get(SPEECH))
        pieces = []
        for part in [text] if whole else cut_text(text, options.max_text_length) or [text]:
            ids = self._model.ids(part)
            pieces.append(Utterance({**pool, "text": ids, "text_lengths": np.array(len(ids))}, self._seed(options)))
        if given is not None:
            self._give(pieces[0], given)
        return pieces

    def _seed(self, options: SynthesisOptions) -> int:
        fixed = options.always_fix_seed or options.seed != self.options.seed
        return options.seed if fixed else int(self._seeds.integers(2**31))

    def _give(self, one: Utterance, given: Mapping[str, Any]) -> None:
        """Take durations, and values by name, that are spoken instead of predicted ones."""
        if self.regulated:
            one.durations, one.given = spoken(self.encoder.component, len(one.pool["text"]), **given)
        else:
            one.given = {name: given[name] for name in (FORCED,) if given.get(name) is not None}

    def _speak(self, requests: Sequence[Sequence[Utterance]], options: SynthesisOptions) -> list[Arrays]:
        """Results of texts, each of which is one utterance or several, that are joined."""
        utterances = [one for pieces in requests for one in pieces]
        for start in range(0, len(utterances), options.batch_size):
            generate(self._model.graphs, utterances[start : start + options.batch_size], options)
        return [joined([self._results(one, options) for one in pieces]) for pieces in requests]

    def _results(self, one: Utterance, options: SynthesisOptions) -> Arrays:
        """All results, with samples where there is a vocoder, or features that Griffin-Lim knows."""
        if self.vocoder is not None:
            one.results[SAMPLES] = vocode(self.vocoder, one, options)
        elif self.griffin_lim is not None:
            one.results[SAMPLES] = self.griffin_lim(chosen_features(one, options), one.seed)
        return {name: one.results[name] for name in RESULTS if name in one.results}

    def _stream(self, utterances: Sequence[Utterance], options: SynthesisOptions) -> Iterator[np.ndarray]:
        for one in utterances:
            generate(self._model.graphs, [one], options)
            if self.vocoder is not None:
                yield from vocode_pieces(self.vocoder, one, options)
            else:
                yield self._results(one, options)[SAMPLES]


def _shown(results: Arrays, forced: bool) -> Arrays:
    """Results without logarithms of durations, which with teacher forcing are shown in place of durations."""
    logarithms = results.get(LOGARITHMS)
    shown = {name: value for name, value in results.items() if name != LOGARITHMS}
    return {**shown, DURATION: logarithms} if forced and logarithms is not None else shown


class Text2Speech(Synthesizer):
    """Speaks texts with a bundle, without PyTorch.

    Args:
        bundle: A directory that `espnet2.bin.export_onnx` wrote, or a loaded `Bundle`.
        vocoder: Another one, whose vocoder is used instead of the bundle's own, or of Griffin-Lim.
        quantized: Run the bundle's int8 graphs, where it has them.
        num_threads: Threads of the graphs (default: all cores that the process may use).
        providers: Execution providers of onnxruntime, most wanted first.
        verify: Compute the checksums of all files, even of those that have not changed since they were compared.
        mapped: Read weights from the files, mapped into memory, see `Speech2Text`.
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
        mapped: bool = False,
        **options: Any,
    ) -> None:
        running: dict[str, Any] = {
            "num_threads": num_threads,
            "providers": providers,
            "verify": verify,
            "mapped": mapped,
        }
        loaded = load(bundle, family_of("tts"), "text_encoder", options, quantized=quantized, **running)
        self.bundle = loaded.bundle
        model = loaded.model
        if vocoder is not None:
            other = load(vocoder, family_of("vocoder"), "vocoder", {}, **running)
            require_fit(loaded.bundle, other.bundle)
            section = dataclasses.replace(model.section, sample_rate=other.bundle.section.sample_rate)
            model = dataclasses.replace(model, graphs={**model.graphs, **other.model.graphs}, section=section)
        warn_of_unread(loaded.options, [graph.component for graph in model.graphs.values()])
        super().__init__(model, loaded.options)

    @classmethod
    def from_pretrained(cls, model_tag: str | Path, **options: Any) -> Self:
        """The synthesiser of a bundle: its directory, or its repository on the Hugging Face hub."""
        return cls(find_bundle(model_tag), **options)
