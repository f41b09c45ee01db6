"""Translation of speech: encoder, search and tokenizer, over graphs that onnxruntime or PyTorch runs.

A multi-decoder model (Dalmia et al., "Searchable hidden intermediates for end-to-end models of decomposable sequence
tasks", 2021) recognises speech first. The states of its recognising decoder for the best text, encoded once more, are
what the translating decoder reads, beside the encoder output where it has an attention for that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, TypeVar

import numpy as np

from espnet.nets.beam_search import longest
from espnet.nets.hypothesis import Hypothesis
from espnet.nets.scorers.ctc import ctc_once
from espnet.nets.tensors import as_array
from espnet2.interface.errors import OptionError
from espnet2.interface.graph import Graph
from espnet2.runtime.asr import Recognizer, Speech2Text
from espnet2.runtime.results import AnyResult, ResultMaker, Translations
from espnet2.runtime.search import make_search
from espnet2.runtime.search_model import CTC_EOS, SearchModel
from espnet2.runtime.st_options import STOptions
from espnet2.runtime.st_section import TwoPassModel

PREFIX = "asr_"  # of graphs that recognise
BETWEEN = "recognised_encoder"  # graph from a recognised text to what the translating decoder reads
FURTHER = "further_encoder"  # graph from the encoder output to what a decoder that attends to speech reads of it
CTC = "ctc"
START = "decoder_start"
SPEECH, SPEECH_LENGTHS = "speech_out", "speech_lengths"  # inputs of a decoder that attends to the encoder output, too
Value = TypeVar("Value")

_speech: ContextVar[np.ndarray] = ContextVar("speech")  # (1, T, D), within `WithSpeech.reading`


class WithSpeech:
    """The graph that a decoder's steps begin with, which reads the encoder output of speech beside what the search
    feeds, and returns its length for the steps.

    The speech is that of the thread's `reading` block, so that searches of several utterances share the graph, and
    take their steps together.

    Args:
        graph: Reads `SPEECH`.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph, self.component = graph, graph.component

    @contextmanager
    def reading(self, encoder_out: np.ndarray) -> Iterator[None]:
        """Read this encoder output (T, D) within the block."""
        token = _speech.set(encoder_out[None])
        try:
            yield
        finally:
            _speech.reset(token)

    def __call__(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Results by name."""
        speech = _speech.get()
        return {**self.graph({**feeds, SPEECH: speech}), SPEECH_LENGTHS: np.array([speech.shape[1]])}


class OfSpeech:
    """The graph of CTC, which reads the speech of the thread's `WithSpeech.reading` block instead of what is fed.

    Args:
        graph: Of one input.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph, self.component = graph, graph.component

    def __call__(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        """Results by name."""
        speech = _speech.get(None)
        return self.graph(feeds if speech is None else {self.component.inputs[0].name: speech})


class SpeechTranslator(Recognizer):
    """Encoder, search and tokenizer; whoever runs the graphs.

    Args:
        model: As for `Recognizer`; a `TwoPassModel` recognises first.
        options: Of the search.
    """

    options: STOptions
    first: ResultMaker | None = None

    start: WithSpeech | None = None  # where the decoder attends to speech, too

    def __init__(self, model: SearchModel, options: STOptions) -> None:
        if options.hugging_face_decoder:
            model = dataclasses.replace(model, section=with_ends_of_generation(model.section))
        start = model.graphs.get(START)
        if start is not None and SPEECH in {tensor.name for tensor in start.component.inputs}:
            self.start = WithSpeech(start)
            ctc = {CTC: OfSpeech(model.graphs[CTC])} if CTC in model.graphs else {}
            model = dataclasses.replace(model, graphs={**model.graphs, START: self.start, **ctc})
        super().__init__(model, options)
        if isinstance(model, TwoPassModel):
            self.first = ResultMaker(model.recognition, options.recognition(), self.seconds)
            self.first_search = make_search(self.first.model, self.first.options)

    def __call__(self, speech: Any, *, hotwords: Any = None, hotword_weight: float | None = None) -> Any:
        """The n-best translations of one utterance, best first; of a list of utterances, a list of these.

        A multi-decoder model gives a pair, as upstream does: the n-best translations, and those of the recognition.

        Args:
            speech: As for `Recognizer`.
            hotwords, hotword_weight: Instead of the options of these names, see `with_hotwords`.

        Raises:
            AudioError: Speech that cannot be translated as it is, or is longer than memory and `long_form` allow.
        """
        found = super().__call__(speech, hotwords=hotwords, hotword_weight=hotword_weight)
        return (found, found.recognised) if isinstance(found, Translations) else found

    def of_speaker(self, encoder_out: np.ndarray, timed: bool = False) -> list[AnyResult]:
        """The n-best results for an encoder output (T, D), best first; see `Recognizer`."""
        if self.first is None:
            return super().of_speaker(encoder_out, timed)
        found, ratios = Translations(), (self.first.options.maxlenratio, self.first.options.minlenratio)
        with ctc_once():
            recognised = self.first_search(encoder_out, *ratios)[: self.first.options.nbest]
        found.recognised = [self.first.result(hypothesis) for hypothesis in recognised]
        if recognised:
            scored = longest(ratios[0], len(encoder_out))  # steps, behind which an end is added without one
            hypotheses = self._translations(encoder_out, self._memory(encoder_out, recognised[0].yseq[:-1][:scored]))
            found.extend(self.result(hypothesis) for hypothesis in hypotheses[: self.options.nbest])
        return found

    def _translations(self, encoder_out: np.ndarray, memory: np.ndarray) -> list[Hypothesis]:
        """Hypotheses for a recognised text (U, D) of an encoder output (T, D), best first.

        Where the decoder attends to both, a text may be as long as the latter allows, as in upstream.
        """
        search, ratios = self.beam_search, (self.options.maxlenratio, self.options.minlenratio)
        if self.start is None:
            return list(search(memory, *ratios))
        speech = self._further(encoder_out)
        with self.start.reading(speech):
            return list(search.finish(search.init_hyp(memory), 0, memory, len(speech), *ratios))

    def _further(self, encoder_out: np.ndarray) -> np.ndarray:
        """The decoder's input (T', D) that follows from an encoder output (T, D)."""
        graph = self.model.graphs.get(FURTHER)
        if graph is None:
            return encoder_out
        component = graph.component
        given = encoder_out[None], np.array([len(encoder_out)])
        results = graph({tensor.name: value for tensor, value in zip(component.inputs, given, strict=True)})
        return as_array(results[component.outputs[0].name])[0]

    def _memory(self, encoder_out: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """The decoder's input (U, D) of a recognised text, whose tokens begin with the start symbol."""
        graph = self.model.graphs[BETWEEN]
        speech, lengths, text, counts = graph.component.inputs
        results = graph(
            {
                speech.name: encoder_out[None],
                lengths.name: np.array([len(encoder_out)]),
                text.name: tokens[None],
                counts.name: np.array([len(tokens)]),
            }
        )
        return as_array(results[graph.component.outputs[0].name])[0]


class STSpeech2Text(Speech2Text, SpeechTranslator):
    """Translates speech with a bundle, without PyTorch.

    `espnet2.runtime.Speech2Text` makes one of such a bundle. Arguments are those of that class, with the options of
    `espnet2.runtime.st_options.STOptions`.
    """

    task: ClassVar[str] = "st"


def with_ends_of_generation(section: Any) -> Any:
    """The section with the start and end symbols of its decoder of transformers; `OptionError` where it has none.

    CTC keeps the model's own end symbol, as in upstream.
    """
    names = {"sos": "decoder_start_token_id", "eos": "eos_token_id"}
    found = {name: section.generation.get(rule) for name, rule in names.items()}
    if not all(isinstance(index, int) for index in found.values()):
        raise OptionError("hugging_face_decoder: expected a model with a decoder of transformers, found another one")
    return dataclasses.replace(section, special={**section.special, CTC_EOS: section.special["eos"], **found})


def of_recognition(graphs: Mapping[str, Value]) -> dict[str, Value]:
    """Those of a model's graphs, or components, that recognise, by the names that they have in recognisers."""
    return {name.removeprefix(PREFIX): value for name, value in graphs.items() if name.startswith(PREFIX)}


def of_translation(graphs: Mapping[str, Value]) -> dict[str, Value]:
    """The others."""
    return {name: value for name, value in graphs.items() if not name.startswith(PREFIX)}
