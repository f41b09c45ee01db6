"""Speech to text: encoder, search and tokenizer, over graphs that onnxruntime or PyTorch runs."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from espnet.nets.beam_search import Hypothesis
from espnet.nets.ctc_alignment import CTCAligner
from espnet.nets.scorer_interface import ScorerInterface
from espnet.nets.scorers.ngram import NgramFullScorer, NgramPartScorer
from espnet.nets.scorers.step import Graph
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.errors import AudioError, BundleError, MissingPackageError, OptionError
from espnet2.runtime.options import PROVIDERS, DecodeOptions
from espnet2.runtime.search import SearchParts, make_search
from espnet2.runtime.timestamps import Timed, frame_seconds, make_timestamps
from espnet2.runtime.unread_options import warn_of_unread
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.build_tokenizer import load_tokenizer
from espnet2.text.token_id_converter import TokenIDConverter

_log = logging.getLogger(__name__)

LARGEST = 2.0**31  # samples of 32 bits that nobody scaled; the power spectrum of 1e17 is beyond float32
# Inputs and outputs.
COUNTS = {"encoder": (2, 2), "ctc": (1, 1), "mlm": (4, 1), "joint_start": (1, 1), "joint_step": (2, 1)}
STEP_INPUTS = {"tokens", "parents", "memory_lengths", "joint_frame", "decoder_out"}  # besides those of `decoder_start`
NGRAM_SCORERS: dict[str, type[NgramFullScorer] | type[NgramPartScorer]] = {
    "full": NgramFullScorer,
    "part": NgramPartScorer,
}


class Result(NamedTuple):
    """One hypothesis: its text (None without a tokenizer), tokens, their indices, and what the search knows of it."""

    text: str | None
    token: list[str]
    token_int: list[int]
    hypothesis: Hypothesis


Results = list[Result] | list[list[Result]]  # hypotheses, best first; a list for each speaker where there are several


def by_speaker(results: Results) -> dict[str, list[Result]]:
    """The hypotheses of each speaker by what names of their files end in; of the only one under ""."""
    separated = {f"_spk{number}": item for number, item in enumerate(results, 1) if isinstance(item, list)}
    return separated or {"": [item for item in results if isinstance(item, Result)]}


class Recognizer:
    """Encoder, search and tokenizer; whoever runs the graphs.

    Args:
        graphs: By name: `encoder`; `ctc`, `decoder_start` with `decoder_step`, or all three; optionally `lm_step`.
        token_list: The vocabulary in the order of its indices; the blank has index 0.
        tokenizer: Makes text of tokens; None: results have no text.
        special: Indices of the `blank`, and of `sos` and `eos`, which a hypothesis starts and ends with.
        options: Of the search; without decoder, `ctc_weight` is 1, and without CTC 0.
        ngram: A scorer of an n-gram model.
        generation: Rules of `espnet.nets.generation` that came with a pretrained decoder.
        sample_rate: Of the speech in Hz, for time stamps.
    """

    def __init__(
        self,
        graphs: Mapping[str, Graph],
        token_list: Sequence[str],
        tokenizer: AbsTokenizer | None,
        special: Mapping[str, int],
        options: DecodeOptions,
        ngram: ScorerInterface | None = None,
        generation: Mapping[str, Any] | None = None,
        sample_rate: int = 16000,
    ) -> None:
        for part, weight in {"decoder_step": 1.0, "ctc": 0.0}.items():
            if part not in graphs and options.ctc_weight != weight:
                _log.info("ctc_weight: %s, not %s, since the model has no %s", weight, options.ctc_weight, part)
                options = dataclasses.replace(options, ctc_weight=weight)
        self.encoder = graphs["encoder"]
        self.tokenizer = tokenizer
        self.converter = TokenIDConverter(token_list)
        self.options = options
        self.closes = "joint_step" not in graphs  # a transducer emits no end symbol
        self.speech, self.lengths = self.encoder.component.inputs
        separates = len(self.encoder.component.outputs[1].axes) == 2
        if options.multi_asr and not separates:
            raise OptionError("multi_asr: expected False, since the model does not separate speakers; found True")
        self.beam_search = make_search(SearchParts(graphs, token_list, special, ngram, generation or {}), options)
        seconds = frame_seconds(self.encoder.component, sample_rate)
        self.timestamps = make_timestamps(options, graphs, tokenizer, seconds, special["blank"])

    def __call__(self, speech: Any) -> Any:
        """The n-best results for one utterance, best first; a list for each speaker where the model separates them.

        Args:
            speech: Samples (T,), floating point in [-1, 1), at the model's rate, or (T, C), of whose channels the first
                counts; features (T, D) for a model without front end.

        Raises:
            AudioError: Speech that cannot be recognised as it is.
        """
        return self.batch([speech])[0]

    def batch(self, speeches: Sequence[Any]) -> list[Results]:
        """The n-best results for each of several utterances, `batch_size` of which go through the encoder at once."""
        size = self.options.batch_size
        groups = (speeches[start : start + size] for start in range(0, len(speeches), size))
        return [self.search(encoder_out) for group in groups for encoder_out in self.encode(group)]

    def encode(self, speeches: Sequence[Any]) -> list[np.ndarray]:
        """Encoder outputs (T, D) of utterances that go through the encoder as one batch; (S, T, D) of S speakers."""
        checked = [self.check(speech) for speech in speeches]
        lengths = np.array([len(speech) for speech in checked], self.lengths.dtype)
        padded = np.zeros((len(checked), max(lengths), *checked[0].shape[1:]), np.float32)
        for row, speech in zip(padded, checked, strict=True):
            row[: len(speech)] = speech
        results = self.encoder({self.speech.name: padded, self.lengths.name: lengths})
        encoder_out, encoder_out_lens = (results[tensor.name].numpy() for tensor in self.encoder.component.outputs)
        return [row[..., : lengths.max(), :] for row, lengths in zip(encoder_out, encoder_out_lens, strict=True)]

    def search(self, encoder_out: np.ndarray) -> Results:
        """The n-best results for what `encode` gave of one utterance, best first; of several speakers a list each."""
        if encoder_out.ndim == 3:
            return [self._nbest(speaker) for speaker in encoder_out]
        return self._nbest(encoder_out)

    def _nbest(self, encoder_out: np.ndarray) -> list[Result]:
        found = self.beam_search(encoder_out, self.options.maxlenratio, self.options.minlenratio)
        aligner = None if self.timestamps is None else self.timestamps.aligner()
        if aligner is not None:
            aligner.extend(encoder_out)
        return [self._result(hypothesis, aligner) for hypothesis in found[: self.options.nbest]]

    def _result(self, hypothesis: Hypothesis, aligner: CTCAligner | None) -> Result:
        labels = hypothesis.yseq[1 : len(hypothesis.yseq) - self.closes]
        # Upstream drops token 0, which is the blank but in the vocabularies of pretrained decoders.
        token_int = [token for token in labels.tolist() if token != 0]
        if aligner is not None and len(hypothesis.frames) != len(token_int):
            hypothesis = hypothesis._replace(frames=aligner(token_int))
        token = self.converter.ids2tokens(token_int)
        text = None if self.tokenizer is None else self.tokenizer.tokens2text(token)
        return Result(text, token, token_int, hypothesis)

    def times(self, result: Result) -> list[Timed]:
        """When each token, or word, of a result is said: what the option `timestamps` asks for.

        Of a text that is too long for its recording to be aligned with it, none.

        Raises:
            OptionError: The option is `none`.
        """
        if self.timestamps is None:
            raise OptionError("timestamps: expected token or word, found 'none'")
        return self.timestamps.times(result.token, result.hypothesis.frames)

    def check(self, speech: Any, name: str = "speech") -> np.ndarray:
        """`speech` as the encoder takes it, in float32; errors call it `name`.

        Of channels (T, C), an encoder of samples gets the first, as upstream's front ends take it.

        Raises:
            AudioError: It is no array of floating point numbers, of another shape, empty, too short, silent, not
                finite, or beyond `LARGEST`.
        """
        array, wanted = _array(speech, name), self.speech.axes[1:]
        if wanted == ("samples",) and array.ndim == 2 and len(array) > array.shape[1] > 0:
            array = array[:, 0]
        if array.ndim != len(wanted) or any(
            isinstance(axis, int) and axis != size for axis, size in zip(wanted, array.shape, strict=True)
        ):
            hint = "; channels come last" if array.ndim == 2 and wanted == ("samples",) else ""
            raise AudioError(f"{name}: expected shape ({', '.join(map(str, wanted))}), found {array.shape}{hint}")
        unit = str(wanted[0])
        shortest = self.encoder.component.shortest().get(unit, 1)
        if len(array) < shortest:
            raise AudioError(f"{name}: expected at least {shortest} {unit}, found {len(array)}")
        if not np.isfinite(array).all():
            raise AudioError(f"{name}: expected finite numbers, found NaN or infinity")
        if not array.any():
            raise AudioError(f"{name}: expected sound, found nothing but zeros")
        largest = float(np.abs(array).max())
        if largest > LARGEST:
            raise AudioError(f"{name}: expected numbers in [-1, 1), found one of size {largest:.3g}")
        return array.astype(np.float32, copy=False)


class Speech2Text(Recognizer):
    """Recognises speech with a bundle, without PyTorch.

    Args:
        bundle: A directory that `espnet2.bin.export_onnx` wrote, or a loaded `Bundle`.
        quantized: Run the bundle's int8 graphs, where it has them.
        num_threads: Threads of encoder and CTC (default: all cores that the process may use). Decoder and language
            model take small steps, for which one thread is fastest.
        providers: Execution providers of onnxruntime, most wanted first.
        ngram_file: A KenLM model to use instead of the bundle's.
        ngram_scorer: `full`: the n-gram model scores all tokens; `part`: the best of the other scorers.
        options: Those of `espnet2.runtime.options.DecodeOptions`, with their defaults.

    Raises:
        BundleError: The bundle cannot be used.
        OptionError: An option has a value that is not allowed, or that the bundle cannot satisfy.
    """

    def __init__(
        self,
        bundle: str | Path | Bundle,
        *,
        quantized: bool = False,
        num_threads: int | None = None,
        providers: Sequence[str] = PROVIDERS,
        ngram_file: str | Path | None = None,
        ngram_scorer: str = "full",
        **options: Any,
    ) -> None:
        decode_options = DecodeOptions.from_keywords(options)
        self.bundle = bundle if isinstance(bundle, Bundle) else Bundle.load(bundle, task="asr")
        manifest = self.bundle.manifest
        if ngram_file is None and manifest.ngram is not None:
            ngram_file = self.bundle.file(manifest.ngram)
        graphs = _graphs(self.bundle, quantized, num_threads, providers)
        ngram = load_ngram(ngram_file, manifest.tokens, ngram_scorer, decode_options.ngram_weight)
        warn_of_unread(decode_options, [*graphs, *(["ngram"] if ngram is not None else [])])
        super().__init__(
            graphs,
            manifest.tokens,
            _tokenizer(self.bundle),
            manifest.special,
            decode_options,
            ngram,
            manifest.generation,
            manifest.sample_rate,
        )
        self.sample_rate = manifest.sample_rate


def load_ngram(
    path: str | Path | None, token_list: Sequence[str], kind: str = "full", weight: float = 1.0
) -> ScorerInterface | None:
    """The scorer of a KenLM file (None for no file, and for weight 0); `kind` is `full` or `part`.

    Raises:
        OptionError: An unknown kind, or a file that KenLM cannot read.
        MissingPackageError: kenlm is not installed.
    """
    if kind not in NGRAM_SCORERS:
        raise OptionError(f"ngram_scorer: expected one of {', '.join(NGRAM_SCORERS)}, found {kind!r}")
    if path is None or weight == 0:
        return None
    try:
        return NGRAM_SCORERS[kind](path, token_list)
    except ImportError as error:
        raise MissingPackageError(
            f"{path}: expected the package kenlm, found none; pip install kenlm, or set ngram_weight to 0"
        ) from error
    except OSError as error:
        raise OptionError(f"{path}: expected an n-gram model of KenLM, found {' '.join(str(error).split())}") from error


def _graphs(bundle: Bundle, quantized: bool, num_threads: int | None, providers: Sequence[str]) -> dict[str, Graph]:
    from espnet2.runtime.session import available_cores

    _require_usable(bundle)
    if quantized and not bundle.manifest.quantized:
        raise OptionError(f"quantized: expected a bundle with int8 graphs, found none in {bundle.path}")
    if num_threads is not None and num_threads < 1:
        raise OptionError(f"num_threads: expected at least 1, found {num_threads}")
    threads = num_threads or available_cores()
    return {
        name: bundle.graph(name, quantized, num_threads=1 if name.endswith("_step") else threads, providers=providers)
        for name in bundle.components
    }


def _require_usable(bundle: Bundle) -> None:
    """Check for the components that recognition needs, and that they read what it feeds."""
    components, listed = bundle.components, ", ".join(bundle.components)
    if "encoder" not in components:
        raise BundleError(f"{bundle.path}: expected a component 'encoder', found {listed}")
    if not {"ctc", "decoder_step"} & set(components):
        raise BundleError(f"{bundle.path}: expected a component 'ctc' or 'decoder_step', found {listed}")
    if "mlm" in components and not ("ctc" in components and "mask" in bundle.manifest.special):
        raise BundleError(
            f"{bundle.path}: mlm: expected a component 'ctc' and a special token 'mask' with it, found none"
        )
    if "joint_step" in components and not {"joint_start", "decoder_step"} <= set(components):
        raise BundleError(f"{bundle.path}: joint_step: expected joint_start and decoder_step with it, found {listed}")
    start = components.get("decoder_start")
    memory = {tensor.name for tensor in start.outputs} if start else set()
    for name, component in components.items():
        counts = len(component.inputs), len(component.outputs)
        known = {tensor.name for tensor in component.inputs} <= STEP_INPUTS | memory
        if counts != COUNTS.get(name, counts) or not counts[1] or not (known or not name.endswith("_step")):
            raise BundleError(f"{bundle.path}: {name}: expected the inputs and outputs of that component, found others")


def _tokenizer(bundle: Bundle) -> AbsTokenizer | None:
    spec = bundle.manifest.tokenizer or {}
    bpemodel = bundle.file(spec["bpemodel"]) if spec.get("bpemodel") else None
    return load_tokenizer(spec.get("token_type"), bpemodel)


def _array(speech: Any, name: str) -> np.ndarray:
    """`speech` as an array of floating point numbers; tensors of PyTorch are arrays, too."""
    if not hasattr(speech, "__array__"):
        raise AudioError(f"{name}: expected a numpy array, found {type(speech).__name__}")
    try:
        array = np.asarray(speech)
    except (RuntimeError, TypeError) as error:  # a tensor that requires a gradient, is bfloat16, or on another device
        raise AudioError(f"{name}: expected what numpy can read, found: {error}") from error
    if not np.issubdtype(array.dtype, np.floating):
        hint = "; divide samples of 16 bits by 32768" if array.dtype == np.int16 else ""
        raise AudioError(f"{name}: expected floating point numbers in [-1, 1), found {array.dtype}{hint}")
    return array
