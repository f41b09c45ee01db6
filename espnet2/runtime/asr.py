"""Speech to text: encoder, search and tokenizer, over graphs that onnxruntime or PyTorch runs."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from espnet.nets.ctc_alignment import CTCAligner
from espnet.nets.hypothesis import Hypothesis
from espnet.nets.scorers.ctc import CTCGraph, ctc_once
from espnet.nets.tensors import as_array
from espnet2.interface.errors import OptionError
from espnet2.interface.families import family_of, with_bundles
from espnet2.interface.families import load as load_object
from espnet2.interface.graph import Graph
from espnet2.runtime.batches import BatchRecognizer
from espnet2.runtime.bundle import Bundle, task_of
from espnet2.runtime.hotwords import make_hotwords
from espnet2.runtime.loading import find_bundle, load
from espnet2.runtime.long_form import LongForm
from espnet2.runtime.options import PROVIDERS, DecodeOptions
from espnet2.runtime.results import AnyResult, Results
from espnet2.runtime.search import make_search, reads_ctc_alone
from espnet2.runtime.search_model import SearchModel
from espnet2.runtime.speech import checked, padded, unpadded
from espnet2.runtime.threads import gatherings_of
from espnet2.runtime.timestamps import frame_seconds
from espnet2.runtime.unread_options import warn_of_unread

if TYPE_CHECKING:
    from typing_extensions import Self


class Recognizer(BatchRecognizer):
    """Encoder, search and tokenizer; whoever runs the graphs.

    Args:
        model: Graphs, whoever runs them, among them `encoder`; tokens; and what else a search needs.
        options: Of the search; without decoder, `ctc_weight` is 1, and without CTC 0.
    """

    def __init__(self, model: SearchModel, options: DecodeOptions) -> None:
        graphs, section = model.graphs, model.section
        self.encoder = graphs["encoder"]
        self.sample_rate = section.sample_rate
        self.seconds = frame_seconds(self.encoder.component, section.sample_rate)
        super().__init__(model, options, self.seconds)
        self.speech = self.encoder.component.inputs[0]
        separates = len(self.encoder.component.outputs[1].axes) == 2
        if options.multi_asr and not separates:
            raise OptionError("multi_asr: expected False, since the model does not separate speakers; found True")
        self._ctc = CTCGraph(graphs["ctc"]) if "ctc" in graphs else None
        self._blank = section.special["blank"]
        self.long_form = LongForm(
            self.encoder.component, self.options, section.sample_rate, reads_ctc_alone(graphs, self.options)
        )
        self.beam_search = make_search(self.model, self.options)

    def __call__(self, speech: Any, *, hotwords: Any = None, hotword_weight: float | None = None) -> Any:
        """The n-best results for one utterance, best first; a list for each speaker where the model separates them.

        Args:
            speech: Samples (T,), floating point in [-1, 1), at the model's rate, or (T, C), of whose channels the first
                counts, or all where the front end is a beamformer; features (T, D) for a model without front end. Of a
                list of utterances, a list of n-best lists.
            hotwords, hotword_weight: Instead of the options of these names, see `with_hotwords`.

        Raises:
            AudioError: Speech that cannot be recognised as it is, or is longer than memory and `long_form` allow.
            OptionError: Hotwords that the model cannot write, or its search cannot take.
        """
        own = self.with_hotwords(hotwords, hotword_weight)
        return own.batch_decode(speech) if isinstance(speech, list | tuple) else own.batch([speech])[0]

    def with_hotwords(self, hotwords: Any = None, hotword_weight: float | None = None) -> Self:
        """This recogniser with other hotwords, as the options have them; it shares the graphs.

        None leaves an option as it is; an empty list means no hotwords. Raises `OptionError`.
        """
        given = {"hotwords": hotwords, "hotword_weight": hotword_weight}
        changed = {name: value for name, value in given.items() if value is not None}
        if not changed:
            return self
        other = copy.copy(self)
        other.options = dataclasses.replace(self.options, **changed)
        scorer = make_hotwords(other.options.hotwords, self.tokenizer, self.token_list)
        other.model = dataclasses.replace(self.model, hotwords=scorer)
        other.beam_search = make_search(other.model, other.options)
        return other

    def batch_decode(self, speech: Any, speech_lengths: Any = None) -> list[Results]:
        """The n-best results for each of several utterances; `batch_size` of them are recognised together.

        Args:
            speech: Utterances as a list, or padded ones, (B, T), or (B, T, D) of features, with their lengths.
            speech_lengths: Samples, or frames, of each padded utterance, (B,); of a list it does nothing.

        Raises:
            AudioError: Speech that cannot be recognised as it is, or lengths that padded speech does not have.
        """
        return self.batch(speech if isinstance(speech, list | tuple) else unpadded(speech, speech_lengths))

    def batch(self, speeches: Sequence[Any]) -> list[Results]:
        """The n-best results for each of several utterances, `batch_size` of which are recognised together.

        The encoder takes fewer at once where memory allows no more, or where their lengths differ much; those that are
        too long for it are recognised in parts, by themselves.
        """
        names = ["speech"] if len(speeches) == 1 else [f"speech {number}" for number in range(1, len(speeches) + 1)]
        checked = [self.check(*pair) for pair in zip(speeches, names, strict=True)]
        return [outcome.value() for outcome in self.each(checked)]

    def encode(self, speeches: Sequence[Any]) -> list[np.ndarray]:
        """Encoder outputs (T, D) of utterances that go through the encoder as one batch; (S, T, D) of S speakers."""
        return self.forward([self.check(speech) for speech in speeches])

    def forward(self, speeches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """`encode` of what `check` gave."""
        results = self.encoder(self.feeds(speeches))
        encoder_out, encoder_out_lens = (as_array(results[tensor.name]) for tensor in self.encoder.component.outputs)
        return [row[..., : lengths.max(), :] for row, lengths in zip(encoder_out, encoder_out_lens, strict=True)]

    def forward_of(self, owners: Sequence[Any], speeches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """`forward` of speech, each for one of several recognisers that differ in their prompts alone."""
        return self.forward(speeches)  # of most models, the encoder reads none

    def feeds(self, speeches: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Inputs of the encoder for speech that `check` gave."""
        return padded(speeches, self.encoder.component)

    def ctc_log_probs(self, speech: Any) -> np.ndarray:
        """Log-probabilities (T, V) of CTC for one utterance, natural logarithms in float32.

        A recording that is too long for memory is encoded in parts, as for a search that reads CTC alone.

        Raises:
            OptionError: The model has no CTC, or separates speakers.
            AudioError: See `check`.
        """
        return self.open_ctc().log_softmax(self.frames_of(self.check(speech))[None])[0]

    def open_ctc(self) -> CTCGraph:
        """CTC's output layer, also where no option needs it; raises `OptionError` as `ctc_log_probs` does."""
        if self._ctc is None or self.long_form.speakers:
            raise OptionError("model: expected one with CTC, for one speaker, found another")
        return self._ctc

    @property
    def ctc(self) -> CTCGraph | None:
        """CTC's output layer; None: the model has none, or inference with these options does not need it."""
        return self._ctc

    @property
    def blank(self) -> int:
        """Index of CTC's blank."""
        return int(self._blank)

    def frames_of(self, speech: np.ndarray) -> np.ndarray:
        """Encoder output (T, D) of speech that `check` gave; in parts, where it is too long for memory."""
        form = self.long_form
        return self.joined(speech, form.parts(speech)) if form.cuts(len(speech)) else self.forward([speech])[0]

    def search(self, encoder_out: np.ndarray) -> Results:
        """The n-best results for what `encode` gave of one utterance, best first; of several speakers a list each."""
        if encoder_out.ndim == 3:
            return [self.of_speaker(speaker) for speaker in encoder_out]
        return self.of_speaker(encoder_out)

    def of_speaker(self, encoder_out: np.ndarray, timed: bool = False) -> list[AnyResult]:
        """The n-best results for an encoder output (T, D) of one speaker, best first.

        If `timed`, hypotheses have the frames of their tokens even without the option `timestamps`, where the search or
        CTC knows them.
        """
        aligner = None if self.timestamps is None else self.timestamps.aligner()
        if timed and self.timestamps is None and self._ctc is not None:
            aligner = CTCAligner(self._ctc, self._blank)
        with ctc_once():
            found = self.hypotheses(encoder_out)
            if aligner is not None:
                aligner.extend(encoder_out)
        return [self.result(hypothesis, aligner) for hypothesis in found[: self.options.nbest]]

    def hypotheses(self, encoder_out: np.ndarray) -> list[Hypothesis]:
        """Hypotheses for an encoder output (T, D), best first."""
        found: list[Hypothesis] = self.beam_search(encoder_out, self.options.maxlenratio, self.options.minlenratio)
        return found

    def blank_near(self, encoder_out: np.ndarray, frame: int, reach: int) -> int:
        """The frame where CTC's blank is likeliest, at most `reach` frames from number `frame` of (T, D)."""
        first = max(frame - reach, 0)
        assert self._ctc is not None
        log_probs = self._ctc.log_softmax(encoder_out[None, first : frame + reach + 1])[0]
        return first + int(log_probs[:, self._blank].argmax())

    def check(self, speech: Any, name: str = "speech") -> np.ndarray:
        """`speech` as the encoder takes it, in float32; errors call it `name`.

        Of channels (T, C), an encoder that does not read them gets the first, as upstream's front ends take it.

        Raises:
            AudioError: It is no array of floating point numbers, of another shape, of too few channels, empty, too
                short, not finite, too large, or too long (see `LongForm.require`).
        """
        array = checked(speech, self.encoder.component, name)
        self.long_form.require(len(array), name)
        return array


class OfBundle:
    """Constructor of a model with a search that a bundle holds, before the model's own class among base classes.

    Attributes:
        task: Of the bundle, or one with the same family.
    """

    task: ClassVar[str] = "asr"
    _unopened: Mapping[str, Callable[[], Graph]]

    def __init__(
        self,
        bundle: str | Path | Bundle,
        *,
        quantized: bool = False,
        num_threads: int | None = None,
        providers: Sequence[str] = PROVIDERS,
        ngram_file: str | Path | None = None,
        ngram_scorer: str = "full",
        verify: bool = False,
        mapped: bool = False,
        **options: Any,
    ) -> None:
        loaded = load(
            bundle,
            family_of(self.task),
            "encoder",
            options,
            quantized=quantized,
            num_threads=num_threads,
            providers=providers,
            files={"ngram": ngram_file},
            ngram_scorer=ngram_scorer,
            verify=verify,
            mapped=mapped,
        )
        warn_of_unread(loaded.options, loaded.parts)
        self.bundle = loaded.bundle
        self._unopened = loaded.unopened
        super().__init__(loaded.model, loaded.options)  # type: ignore[call-arg]
        self.gatherings = gatherings_of(num_threads, self.batch_size)  # type: ignore[attr-defined]

    @classmethod
    def from_pretrained(cls, model_tag: str | Path, **options: Any) -> Self:
        """The model of a bundle: its directory, or its repository on the Hugging Face hub."""
        return cls(find_bundle(model_tag), **options)


class Speech2Text(OfBundle, Recognizer):
    """Recognises speech with a bundle, without PyTorch.

    A bundle of another task, such as S2T, gives an object of that task's class, which is derived from this one and
    takes the options of the task.

    Args:
        bundle: A directory that `espnet2.bin.export_onnx` wrote, or a loaded `Bundle`.
        quantized: Run the bundle's int8 graphs, where it has them.
        num_threads: Threads of encoder and CTC (default: all cores that the process may use). Decoder and language
            model take small steps, for which one thread is fastest; those of a batch are divided among the threads.
        providers: Execution providers of onnxruntime, most wanted first.
        ngram_file: A KenLM model to use instead of the bundle's.
        ngram_scorer: `full`: the n-gram model scores all tokens; `part`: the best of the other scorers.
        verify: Read all files of the bundle for their checksums, also those that were found unchanged before.
        mapped: Read weights from the files, mapped into memory, rather than from copies that are arranged for the
            processor: to load takes next to no memory, of which processes share what they read, and calls take longer.
        options: Those of `espnet2.runtime.options.DecodeOptions`, with their defaults; `device`, `cpu` or `cuda`,
            instead of providers; and those of `espnet2.utils.upstream_options` with the value there.

    Raises:
        BundleError: The bundle cannot be used.
        OptionError: An option has a value that is not allowed, or that the bundle cannot satisfy.
    """

    def __new__(cls, bundle: str | Path | Bundle | None = None, **options: Any) -> Self:
        """An object of the class for the bundle's task, if that is derived from this one; a copy has no bundle."""
        own: type[Any] = cls if bundle is None else class_of(task_of(bundle))
        return super().__new__(own if issubclass(own, cls) else cls)

    def open_ctc(self) -> CTCGraph:
        """CTC's output layer, see `Recognizer`; opens its graph where no option needs it."""
        if self._ctc is None and "ctc" in self._unopened:
            self._ctc = CTCGraph(self._unopened["ctc"]())
        return super().open_ctc()


def class_of(task: str) -> type[Speech2Text]:
    """The class that a bundle of this task is for; `Speech2Text` for a task without one, which it refuses."""
    target = getattr(family_of(task), "speech2text", None) if task in with_bundles() else None
    own: type[Speech2Text] = Speech2Text if target is None else load_object(target)
    return own
