"""Recognition by models of many tasks, as OWSM, whose texts begin with a prompt.

A. Radford et al., "Robust speech recognition via large-scale weak supervision", 2022; Y. Peng et al., "Reproducing
Whisper-style training using an open-source toolkit and publicly available data", 2023. The prompt:

    [<sop> previous text] <sos> <language> <task> [<notimestamps>]
"""

from __future__ import annotations

import copy
import dataclasses
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from espnet.nets.ctc_alignment import CTCAligner
from espnet.nets.ctc_greedy import GreedyCTCOnline
from espnet.nets.hypothesis import Hypothesis
from espnet.nets.tensors import as_array
from espnet2.fileio.audio import read_audio
from espnet2.interface.errors import BundleError, DataError, OptionError
from espnet2.interface.spec import Component
from espnet2.runtime.asr import Recognizer
from espnet2.runtime.buffers import Buffers
from espnet2.runtime.options import SEARCHES
from espnet2.runtime.results import AnyResult, NBest, Results, TaggedResult
from espnet2.runtime.s2t_options import S2TOptions
from espnet2.runtime.s2t_section import S2TSection, is_said, without_tags
from espnet2.runtime.search_model import SearchModel
from espnet2.runtime.speech import checked, floating_point, padded, unpadded
from espnet2.runtime.windows import Windows

if TYPE_CHECKING:
    from typing_extensions import Self

_log = logging.getLogger(__name__)

NO_TEXT = "<na>"  # as previous text
NO_LANGUAGE = ("<nolang>", "<unk>")  # of OWSM, and of POWSM
NO_HYPOTHESIS: Any = None  # in results without a search, as upstream's
INTERMEDIATE = "interctc_layer"  # outputs of the encoder, before the number of the layer


def layers_of(encoder: Component) -> list[int]:
    """Numbers of the layers whose outputs an encoder gives behind its own; raises `BundleError` for another output."""
    names = [tensor.name for tensor in encoder.outputs[2:]]
    for name in names:
        if re.fullmatch(INTERMEDIATE + "[0-9]{1,4}", name) is None:
            raise BundleError(f"encoder: expected outputs such as {INTERMEDIATE}3, found {name}")
    return [int(name.removeprefix(INTERMEDIATE)) for name in names]


class PromptedRecognizer(Recognizer):
    """Encoder, search and tokenizer of a model with prompts; whoever runs the graphs.

    Args:
        model: As for `Recognizer`; its section is an `S2TSection`.
        options: Of the search, among them the prompt where a call gives none.

    Raises:
        OptionError: A symbol that the model does not have, or `predict_time` of a model without times.
    """

    options: S2TOptions
    long_form: Windows | Buffers

    def __init__(self, model: SearchModel, options: S2TOptions) -> None:
        self.require_search(options)
        super().__init__(model, options)
        section = model.section
        assert isinstance(section, S2TSection)
        self.section = section
        self.long_form = self.make_windows()
        self.primer = self._primer(options.text_prev)
        self.layers = layers_of(self.encoder.component)

    def require_search(self, options: S2TOptions) -> None:
        """Raise `OptionError` for a search that cannot begin with a prompt."""
        for name in SEARCHES:
            if getattr(options, name):
                raise OptionError(f"{name}: expected False, since texts of this model begin with a prompt, found True")

    def make_windows(self) -> Windows | Buffers:
        """Rule of recordings that are longer than the window; raises `OptionError` for a model without times."""
        section = self.section
        window = section.window if self.speech.axes[1] == "samples" else 0
        windows = Windows(self.encoder.component, self.options, section.sample_rate, window)
        if windows.mode != "false" and not section.times:
            raise OptionError("long_form: expected false, since the model's tokens have no times, found true")
        return windows

    def __call__(
        self,
        speech: Any,
        text_prev: Any = None,
        lang_sym: str | None = None,
        task_sym: str | None = None,
        predict_time: bool | None = None,
        *,
        hotwords: Any = None,
        hotword_weight: float | None = None,
    ) -> Any:
        """The n-best results for one recording, `TaggedResult`s, best first; of a list of recordings, a list of lists.

        With `generate_interctc_outputs`, a pair of these and of the best tokens of layers by their number, which are
        none where the recording was decoded in parts.

        Args:
            speech: Samples (T,), floating point in [-1, 1), at the model's rate, padded or cut to its window.
            text_prev: Text before the recording, or indices of its tokens; with `<na>` among them there is none.
            lang_sym, task_sym, predict_time, hotwords, hotword_weight: Instead of the options of these names.

        Raises:
            AudioError: Speech that cannot be recognised as it is.
            OptionError: A symbol that the model does not have, or `predict_time` of a model without times.
        """
        own = self.prompted(text_prev, lang_sym, task_sym, predict_time).with_hotwords(hotwords, hotword_weight)
        one = not isinstance(speech, list | tuple)
        found: list[Any] = own.batch([speech] if one else speech)
        if self.options.generate_interctc_outputs:
            found = [(results, getattr(results, "interctc", {})) for results in found]
        return found[0] if one else found

    def batch_decode(
        self,
        speech: Any,
        speech_lengths: Any = None,
        text_prev: Any = None,
        text_prev_lengths: Any = None,
        lang_sym: str | None = None,
        task_sym: str | None = None,
        predict_time: bool | None = None,
    ) -> list[Results]:
        """The n-best results for each of several recordings; see `Recognizer.batch_decode`.

        Args:
            speech, speech_lengths: As there.
            text_prev: Text before the recordings, one for all; or indices of its tokens, (U,), or (B, U) for each.
            text_prev_lengths: Lengths (B,) of these.
            lang_sym, task_sym, predict_time: As for a call.
        """
        prompted = self.prompted(None, lang_sym, task_sym, predict_time)
        if getattr(text_prev, "ndim", 1) != 2:
            return super(PromptedRecognizer, prompted.prompted(text_prev)).batch_decode(speech, speech_lengths)
        speeches = speech if isinstance(speech, list | tuple) else unpadded(speech, speech_lengths)
        texts = np.asarray(text_prev)
        lengths = np.full(len(texts), texts.shape[1]) if text_prev_lengths is None else np.asarray(text_prev_lengths)
        counts = {len(speeches), len(texts), len(lengths)}
        if len(counts) > 1:
            raise OptionError(f"text_prev: expected a text for each of {len(speeches)} recordings, found {len(texts)}")
        return [
            prompted.prompted(text[:length]).batch([one])[0]
            for one, text, length in zip(speeches, texts, lengths, strict=True)
        ]

    def best_path(
        self, speech: Any, text_prev: Any = NO_TEXT, lang_sym: str | None = None, task_sym: str | None = None
    ) -> list[TaggedResult]:
        """The result for one recording of CTC's best token in each frame, without a search, as a list of one.

        It has None in the place of the hypothesis. CTC of a model with a decoder knows neither prompt nor tags.

        Args:
            speech, text_prev, lang_sym, task_sym: As for a call.

        Raises:
            AudioError: Speech that cannot be recognised as it is.
            OptionError: A symbol that the model does not have, or a model without CTC.
        """
        self.open_ctc()
        own = self.prompted(text_prev, lang_sym, task_sym)
        (output,) = own.forward([own.check(speech)])
        found = own.result(own._best([output[0] if output.ndim == 3 else output]))
        return [found._replace(hypothesis=NO_HYPOTHESIS)]

    def prompted(
        self,
        text_prev: Any = None,
        lang_sym: str | None = None,
        task_sym: str | None = None,
        predict_time: bool | None = None,
    ) -> Self:
        """This recogniser with another prompt; None leaves an option as it is. It shares the graphs.

        Raises `OptionError` as the class does.
        """
        given = {"text_prev": text_prev, "lang_sym": lang_sym, "task_sym": task_sym, "predict_time": predict_time}
        changed = {name: value for name, value in given.items() if value is not None}
        if not changed:
            return self
        other = copy.copy(self)
        other.options = dataclasses.replace(self.options, **changed)
        other.primer = other._primer(other.options.text_prev)
        return other

    def _primer(self, text_prev: Any) -> list[int]:
        """Indices of the tokens that a text begins with."""
        section, options = self.section, self.options
        if options.predict_time and not section.times:
            raise OptionError("predict_time: expected False, since the model's tokens have no times; found True")
        symbols = (section.index_of(name, getattr(options, name)) for name in ("lang_sym", "task_sym"))
        untimed = [section.special["notimestamps"]] if section.times and not options.predict_time else []
        return [*self._previous(text_prev), section.special["sos"], *symbols, *untimed]

    def _previous(self, text: Any) -> list[int]:
        """Indices of the start of a previous text and of its tokens; none where there is no such text."""
        special = self.section.special
        tokens = self._tokens_of(text)
        if tokens is None or special.get("na") in tokens:
            return []
        if "sop" not in special:
            raise OptionError("text_prev: expected none, since the model has no symbol of its start; found some")
        return [special["sop"], *tokens]

    def _tokens_of(self, text: Any) -> list[int] | None:
        """Indices of a text's tokens; None where there is no text, which an empty one is not."""
        if text is None or (isinstance(text, str) and text.strip() == NO_TEXT):
            return None
        if isinstance(text, str):
            if self.tokenizer is None:
                raise OptionError("text_prev: expected indices, since the model's tokenizer is not known; found a text")
            return self._looked_up(self.tokenizer.text2tokens(text))
        tokens = [int(token) for token in np.asarray(text).ravel()]
        wrong = [token for token in tokens if not 0 <= token < len(self.token_list)]
        if wrong:
            raise OptionError(f"text_prev: expected indices of {len(self.token_list)} tokens, found {wrong[0]}")
        return tokens

    def _looked_up(self, pieces: list[str]) -> list[int]:
        try:
            found = self.converter.tokens2ids(pieces)
        except DataError as error:  # of a model without a token for others
            raise OptionError(f"text_prev: {error}") from error
        unknown = sum(piece not in self.section.indices for piece in pieces)
        if unknown:
            _log.warning("text_prev: %d of %d tokens are unknown to the model", unknown, len(pieces))
        return found

    def no_language(self) -> str:
        """The symbol that leaves the language to the model; raises `OptionError` for a model without one."""
        for symbol in NO_LANGUAGE:
            if symbol in self.section.indices:
                return symbol
        raise OptionError("lang_sym: expected a language, since the model has no symbol for an unknown one; found none")

    def read_audio(self, speech: Any) -> np.ndarray:
        """Samples (T,) of one channel at the model's rate, float32, of an array or of the recording at a path."""
        return self.read(speech)

    def read(self, speech: Any, name: str = "speech") -> np.ndarray:
        """Speech of any length but 0, float32, of an array or of the recording in a file; raises `AudioError`."""
        if isinstance(speech, str | Path):
            speech, name = read_audio(speech, self.sample_rate), str(speech)
        array, component = floating_point(speech, name), self.encoder.component
        shortest = component.shortest().get("samples", 1)
        if array.ndim == 1 and 0 < len(array) < shortest:
            return checked(np.pad(array, (0, shortest - len(array))), component, name)[: len(array)]
        return checked(array, component, name)

    def check(self, speech: Any, name: str = "speech") -> np.ndarray:
        """Speech as the encoder takes it, float32, padded to the model's window.

        Longer speech is cut there, with a warning, unless `long_form` asks for all windows.

        Raises:
            AudioError: See `Recognizer.check`.
        """
        array, window = self.padded(speech, name), self.long_form.window
        if not window or len(array) == window or self.long_form.cuts(len(array)):
            return array
        found = f"expected at most {self.section.speech_length:g} s, found {len(array) / self.sample_rate:.1f} s"
        _log.warning("%s: %s; the rest is left out (long_form true, or decode_long, reads it)", name, found)
        return array[:window]

    def padded(self, speech: Any, name: str = "speech") -> np.ndarray:
        """Speech as float32, padded to the model's window, or longer; raises `AudioError` as `check` does."""
        array, window = floating_point(speech, name), self.long_form.window
        if array.ndim == 1 and 0 < len(array) < window:
            array = np.pad(array, (0, window - len(array)))
        array = checked(array, self.encoder.component, name)
        self.long_form.require(len(array), name)
        return array

    def forward(self, speeches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Encoder outputs (T, D) of speech that `check` gave.

        With `generate_interctc_outputs` (1 + K, T, D), with those of K layers behind.
        """
        return self.encoded(padded(speeches, self.encoder.component))

    def encoded(self, feeds: Mapping[str, Any]) -> list[np.ndarray]:
        """Encoder outputs, as `forward` returns them, for a batch of its inputs."""
        results = self.encoder(feeds)
        output, lengths, *between = (as_array(results[tensor.name]) for tensor in self.encoder.component.outputs)
        if self.options.generate_interctc_outputs:
            output = np.stack([output, *between], axis=1)
        return [row[..., :length, :] for row, length in zip(output, lengths, strict=True)]

    def search(self, encoder_out: np.ndarray) -> NBest:
        """The n-best results for what `forward` gave of one recording, best first."""
        output, *between = encoder_out if encoder_out.ndim == 3 else [encoder_out]
        layers = zip(self.layers, between, strict=False) if self._ctc is not None else ()
        return NBest(
            self.of_speaker(np.ascontiguousarray(output)),
            {layer: self._layer_tokens(hidden) for layer, hidden in layers},
        )

    def _layer_tokens(self, hidden: np.ndarray) -> list[str]:
        """The best tokens of a layer's output (T, D), but for start and end symbols."""
        ends = [self.section.special[name] for name in ("sos", "eos")]
        found = self.result(self._best([hidden])).token_int
        return self.converter.ids2tokens([token for token in found if token not in ends])

    def _best(self, outputs: Iterable[np.ndarray]) -> Hypothesis:
        """The greedy hypothesis of CTC for the concatenated encoder outputs (T, D)."""
        special = self.section.special
        search = GreedyCTCOnline(self._ctc, *(special[name] for name in ("sos", "eos", "blank")))
        (found,) = search(np.zeros((0, 1), np.float32))
        for output in outputs:
            (found,) = search(output)
        return found

    def hypotheses(self, encoder_out: np.ndarray) -> list[Hypothesis]:
        """Hypotheses for an encoder output (T, D), best first; all begin with the prompt."""
        ratios = self.options.maxlenratio, self.options.minlenratio
        found: list[Hypothesis] = self.beam_search.forward(encoder_out, *ratios, hyp_primer=self.primer)
        return found

    def result(self, hypothesis: Hypothesis, aligner: CTCAligner | None = None, is_final: bool = True) -> TaggedResult:
        """The result of a hypothesis: what is behind the first start symbol."""
        yseq = hypothesis.yseq.tolist()
        labels = yseq[yseq.index(self.section.special["sos"]) + 1 : -1]
        token_int = [token for token in labels if token != 0]
        if aligner is not None:
            hypothesis = hypothesis._replace(frames=self._frames(token_int, aligner))
        return self.tagged(token_int, hypothesis)

    def _frames(self, token_int: list[int], aligner: CTCAligner) -> tuple[tuple[int, int], ...]:
        """The frames of tokens, where CTC knows them; tags, which it does not know, are between their neighbours."""
        names = self.converter.ids2tokens(token_int)
        said = [token for token, name in zip(token_int, names, strict=True) if is_said(name)]
        aligned = aligner(said)
        if len(aligned) < len(said):  # too few frames
            return ()
        found, waiting, end = [], iter(aligned), 0
        for name in names:
            start, end = next(waiting) if is_said(name) else (end, end)
            found.append((start, end))
        return tuple(found)

    def spoken(self, result: AnyResult) -> tuple[Sequence[str], Sequence[tuple[int, int]]]:
        """The tokens of a result but for tags, and the frames of each, or none where they are not known."""
        frames = result.hypothesis.frames
        said = [place for place, token in enumerate(result.token) if is_said(token)]
        spans = [frames[place] for place in said] if len(frames) == len(result.token) else []
        return [result.token[place] for place in said], spans

    def tagged(self, token_int: list[int], hypothesis: Hypothesis) -> TaggedResult:
        """The result of a hypothesis that consists of these tokens."""
        token = self.converter.ids2tokens(token_int)
        if self.tokenizer is None:
            return TaggedResult(None, token, token_int, None, hypothesis)
        text, plain = map(self.tokenizer.tokens2text, (token, without_tags(token)))
        return TaggedResult(text, token, token_int, plain, hypothesis)
